import { z } from 'zod'
import { GlacierError, invalidParameter } from '../glacier-error.ts'
import type { Handler } from '../http/call.ts'
import { newCapacityId } from '../ids.ts'
import type { AccountRecord } from '../storage/records.ts'
import type { OperationDependencies } from './dependencies.ts'
import { parseJsonBody } from './json-body.ts'
import { isoDate } from './resources.ts'

type Dependencies = Pick<OperationDependencies, 'store' | 'clock'>

const CAPACITY_UNIT_MAX = 2

const PolicyBody = z.looseObject({
  Policy: z.looseObject({
    Rules: z
      .array(
        z.looseObject({
          Strategy: z.enum(['BytesPerHour', 'FreeTier', 'None']),
          BytesPerHour: z.number().int().min(1).nullish(),
        }),
      )
      .length(1),
  }),
})

/** The data-retrieval policy and provisioned capacity: one of each per account. */
export function accountOperations({ store, clock }: Dependencies) {
  return {
    SetDataRetrievalPolicy: async (call) => {
      const retrievalPolicy = parseRetrievalPolicy(parseJsonBody(call, PolicyBody))
      await store.accounts.update(call.accountId, (record) => ({ ...record, retrievalPolicy }))
      return { status: 204 }
    },

    GetDataRetrievalPolicy: async (call) => {
      const { retrievalPolicy } = await store.accounts.read(call.accountId)
      const bytesPerHour =
        retrievalPolicy.strategy === 'BytesPerHour' ? retrievalPolicy.bytesPerHour : null
      const rule = { BytesPerHour: bytesPerHour, Strategy: retrievalPolicy.strategy }
      return { status: 200, json: { Policy: { Rules: [rule] } } }
    },

    ListProvisionedCapacity: async (call) => {
      const { capacity } = await store.accounts.read(call.accountId)
      const units = current(capacity, clock.nowMs()).map((unit) => ({
        CapacityId: unit.capacityId,
        StartDate: isoDate(unit.startAtMs),
        ExpirationDate: isoDate(unit.expiresAtMs),
      }))
      return { status: 200, json: { ProvisionedCapacityList: units } }
    },

    PurchaseProvisionedCapacity: async (call) => {
      const startAtMs = clock.nowMs()
      const unit = {
        capacityId: newCapacityId(),
        startAtMs,
        expiresAtMs: oneMonthLater(startAtMs),
      }
      await store.accounts.update(call.accountId, (record) => {
        const capacity = current(record.capacity, startAtMs)
        if (capacity.length < CAPACITY_UNIT_MAX) {
          return { ...record, capacity: [...capacity, unit] }
        }
        throw new GlacierError(
          'LimitExceededException',
          `An account may have ${CAPACITY_UNIT_MAX} units of provisioned capacity.`,
        )
      })
      return { status: 201, headers: { 'x-amz-capacity-id': unit.capacityId } }
    },
  } satisfies Record<string, Handler>
}

/** `BytesPerHour` goes with the strategy of that name and with no other. */
function parseRetrievalPolicy(body: z.infer<typeof PolicyBody>): AccountRecord['retrievalPolicy'] {
  const [rule] = body.Policy.Rules
  const bytesPerHour = rule?.BytesPerHour ?? null
  if (rule?.Strategy === 'BytesPerHour') {
    if (bytesPerHour !== null) return { strategy: 'BytesPerHour', bytesPerHour }
    throw invalidParameter('The BytesPerHour strategy needs BytesPerHour')
  }
  if (bytesPerHour !== null || rule === undefined) {
    throw invalidParameter('BytesPerHour is not valid for this strategy')
  }
  return { strategy: rule.Strategy }
}

function current(capacity: AccountRecord['capacity'], nowMs: number): AccountRecord['capacity'] {
  return capacity.filter((unit) => unit.expiresAtMs > nowMs)
}

/** The same day of the next month, or its last day where it has no such day. */
export function oneMonthLater(ms: number): number {
  const later = new Date(ms)
  const day = later.getUTCDate()
  later.setUTCDate(1)
  later.setUTCMonth(later.getUTCMonth() + 2, 0)
  later.setUTCDate(Math.min(day, later.getUTCDate()))
  return later.getTime()
}
