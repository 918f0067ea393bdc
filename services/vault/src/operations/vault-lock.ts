import { accessDenied, invalidParameter, notFound } from '../glacier-error.ts'
import type { Call, Handler } from '../http/call.ts'
import { newLockId } from '../ids.ts'
import type { VaultRecord } from '../storage/records.ts'
import type { OperationDependencies } from './dependencies.ts'
import { parsePolicy } from './policy.ts'
import { isoDate, requiredVault, vaultNotFound } from './resources.ts'

type Dependencies = Pick<OperationDependencies, 'store' | 'names' | 'clock'>

/** A lock that is not completed by then is gone. */
const LOCK_WINDOW_MS = 24 * 60 * 60_000

type Lock = NonNullable<VaultRecord['lock']>

/** none → InProgress (24 h) → Locked, for ever; Abort leads from InProgress back to none. */
export function vaultLockOperations(dependencies: Dependencies) {
  const { store, names, clock } = dependencies
  const update = async (call: Call, change: (lock: Lock | null) => Lock | null): Promise<void> => {
    const vault = requiredVault(store, names, call)
    const isThere = await store.updateVault(vault, (record) => ({
      ...record,
      lock: change(currentLock(record, clock.nowMs())),
    }))
    if (!isThere) throw vaultNotFound(names, call)
  }

  return {
    InitiateVaultLock: async (call) => {
      const policy = parsePolicy(call)
      const lockId = newLockId()
      await update(call, (lock) => {
        if (lock !== null) {
          throw accessDenied(
            lock.expiresAtMs === null
              ? 'The vault is locked.'
              : 'A vault lock is in progress; abort or complete it first.',
          )
        }
        const createdAtMs = clock.nowMs()
        return { lockId, policy, createdAtMs, expiresAtMs: createdAtMs + LOCK_WINDOW_MS }
      })
      return { status: 201, headers: { 'x-amz-lock-id': lockId } }
    },

    CompleteVaultLock: async (call) => {
      await update(call, (lock) => {
        if (lock === null) throw notFound(`No vault lock is in progress for: ${call.vaultName}`)
        if (lock.lockId === call.id) return { ...lock, expiresAtMs: null }
        if (lock.expiresAtMs === null) throw accessDenied('The vault is locked.')
        throw invalidParameter(`The lock ID is not valid: ${call.id}`)
      })
      return { status: 204 }
    },

    AbortVaultLock: async (call) => {
      await update(call, (lock) => {
        if (lock !== null && lock.expiresAtMs === null) throw accessDenied('The vault is locked.')
        return null
      })
      return { status: 204 }
    },

    GetVaultLock: async (call) => {
      const lock = currentLock(requiredVault(store, names, call).record, clock.nowMs())
      if (lock === null) throw notFound(`No vault lock policy is set for: ${call.vaultName}`)
      const { policy, createdAtMs, expiresAtMs } = lock
      return {
        status: 200,
        json: {
          Policy: policy,
          State: expiresAtMs === null ? 'Locked' : 'InProgress',
          ExpirationDate: expiresAtMs === null ? null : isoDate(expiresAtMs),
          CreationDate: isoDate(createdAtMs),
        },
      }
    },
  } satisfies Record<string, Handler>
}

function currentLock({ lock }: VaultRecord, nowMs: number): Lock | null {
  const hasExpired = lock !== null && lock.expiresAtMs !== null && lock.expiresAtMs <= nowMs
  return hasExpired ? null : lock
}
