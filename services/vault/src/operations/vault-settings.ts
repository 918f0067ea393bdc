import { z } from 'zod'
import { GlacierError, invalidParameter, notFound } from '../glacier-error.ts'
import type { Call, Handler } from '../http/call.ts'
import type { Vault } from '../storage/catalog.ts'
import { notificationEvents, type VaultRecord } from '../storage/records.ts'
import type { OperationDependencies } from './dependencies.ts'
import { parseJsonBody } from './json-body.ts'
import { parsePolicy } from './policy.ts'
import { requiredVault, vaultNotFound } from './resources.ts'

type Dependencies = Pick<OperationDependencies, 'store' | 'names'>

const TAG_COUNT_MAX = 50
/** Tags that one request may add, and keys that one may remove. */
const TAG_CHANGE_MAX = 10

const AddTags = z.looseObject({ Tags: z.record(z.string(), z.string()) })
const RemoveTags = z.looseObject({ TagKeys: z.array(z.string()) })
const Notifications = z.looseObject({
  SNSTopic: z.string().nullish(),
  Events: z.array(z.enum(notificationEvents)).nullish(),
})

/** Tags, notifications and the access policy: documents that belong to a vault. */
export function vaultSettingOperations(dependencies: Dependencies) {
  return {
    ...tagOperations(dependencies),
    ...notificationOperations(dependencies),
    ...accessPolicyOperations(dependencies),
  }
}

async function update(
  call: Call,
  { store, names }: Dependencies,
  change: (record: VaultRecord) => VaultRecord,
): Promise<{ readonly status: 204 }> {
  const vault = requiredVault(store, names, call)
  if (!(await store.updateVault(vault, change))) throw vaultNotFound(names, call)
  return { status: 204 }
}

function read({ store, names }: Dependencies, call: Call): Vault['record'] {
  return requiredVault(store, names, call).record
}

function tagOperations(dependencies: Dependencies) {
  return {
    AddTagsToVault: (call) => {
      const added = parseJsonBody(call, AddTags).Tags
      checkCount(Object.keys(added).length)
      for (const [key, value] of Object.entries(added)) checkTag(key, value)
      return update(call, dependencies, (record) => {
        const tags = { ...record.tags, ...added }
        if (Object.keys(tags).length <= TAG_COUNT_MAX) return { ...record, tags }
        throw new GlacierError(
          'LimitExceededException',
          'The quota for the number of tags that can be assigned to this resource has been reached.',
        )
      })
    },

    RemoveTagsFromVault: (call) => {
      const removed = parseJsonBody(call, RemoveTags).TagKeys
      checkCount(removed.length)
      return update(call, dependencies, (record) => {
        const kept = Object.entries(record.tags).filter(([key]) => !removed.includes(key))
        return { ...record, tags: Object.fromEntries(kept) }
      })
    },

    ListTagsForVault: async (call) => ({
      status: 200,
      json: { Tags: read(dependencies, call).tags },
    }),
  } satisfies Record<string, Handler>
}

function checkCount(count: number): void {
  if (count >= 1 && count <= TAG_CHANGE_MAX) return
  throw invalidParameter(`Invalid tags: from 1 to ${TAG_CHANGE_MAX} are allowed, found ${count}`)
}

/** Unicode letters, digits and spaces, and `_ . / = + - @`; lengths count characters. */
function checkTag(key: string, value: string): void {
  const isKey = /^[\p{L}\p{N}\p{Z}_./=+@-]{1,128}$/u.test(key) && !/^aws:/i.test(key)
  if (!isKey) throw invalidParameter(`Invalid tag key: ${key}`)
  if (!/^[\p{L}\p{N}\p{Z}_./=+@-]{0,255}$/u.test(value)) {
    throw invalidParameter(`Invalid tag value: ${value}`)
  }
}

function notificationOperations(dependencies: Dependencies) {
  return {
    SetVaultNotifications: (call) => {
      const { SNSTopic, Events } = parseJsonBody(call, Notifications)
      const notifications = { snsTopic: SNSTopic ?? null, events: Events ?? [] }
      return update(call, dependencies, (record) => ({ ...record, notifications }))
    },

    GetVaultNotifications: async (call) => {
      const { notifications } = read(dependencies, call)
      if (notifications === null) {
        throw notFound(`No notification configuration is set for vault: ${call.vaultName}`)
      }
      return {
        status: 200,
        json: { SNSTopic: notifications.snsTopic, Events: notifications.events },
      }
    },

    DeleteVaultNotifications: (call) =>
      update(call, dependencies, (record) => ({ ...record, notifications: null })),
  } satisfies Record<string, Handler>
}

function accessPolicyOperations(dependencies: Dependencies) {
  return {
    SetVaultAccessPolicy: (call) => {
      const accessPolicy = parsePolicy(call)
      return update(call, dependencies, (record) => ({ ...record, accessPolicy }))
    },

    GetVaultAccessPolicy: async (call) => {
      const { accessPolicy } = read(dependencies, call)
      if (accessPolicy === null) {
        throw notFound(`No vault access policy is set for: ${call.vaultName}`)
      }
      return { status: 200, json: { Policy: accessPolicy } }
    },

    DeleteVaultAccessPolicy: (call) =>
      update(call, dependencies, (record) => ({ ...record, accessPolicy: null })),
  } satisfies Record<string, Handler>
}
