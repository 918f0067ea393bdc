import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Glacier } from '@aws-sdk/client-glacier'
import {
  advanceClock,
  errorOf,
  scratchDir,
  sdkClient,
  send,
  startVault,
  type VaultProcess,
} from './vault-harness.ts'

const HOUR_MS = 60 * 60_000
const DAY_MS = 24 * HOUR_MS
const other = { accessKeyId: 'AKIDOTHER', secretAccessKey: 'the-secret-of-others' }
const temporary = { accessKeyId: 'ASIATEMPORARY', secretAccessKey: 'the-secret-of-a-day' }
let directory: Awaited<ReturnType<typeof scratchDir>>
let vault: VaultProcess
let glacier: Glacier

before(async () => {
  directory = await scratchDir()
  const file = join(directory.path, 'credentials.json')
  await writeFile(
    file,
    JSON.stringify([
      { ...other, accountId: '444455556666' },
      {
        ...temporary,
        accountId: '444455556666',
        sessionToken: 'token',
        expiresAt: '2020-01-01T00:00:00Z',
      },
    ]),
  )
  vault = await startVault(join(directory.path, 'data'), {
    VAULT_CONTROL_PORT: '0',
    VAULT_CREDENTIALS_FILE: file,
    VAULT_INVENTORY_LAG_MS: String(DAY_MS),
    VAULT_JOB_DELAY_MS: String(4 * HOUR_MS),
  })
  glacier = sdkClient(vault.url)
})
after(async () => {
  glacier.destroy()
  await vault[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

async function aVault(vaultName: string): Promise<{ vaultName: string; accountId: string }> {
  await glacier.createVault({ vaultName, accountId: '-' })
  return { vaultName, accountId: '-' }
}

const notFound = { name: 'ResourceNotFoundException' }
const invalid = { name: 'InvalidParameterValueException' }
const denied = { name: 'AccessDeniedException' }

describe('tags', () => {
  it('are added, replaced, listed and removed', async () => {
    const target = await aVault('tags')
    assert.deepEqual((await glacier.listTagsForVault(target)).Tags, {})
    await glacier.addTagsToVault({ ...target, Tags: { a: '1', 'Grüße +-=._/@': '' } })
    await glacier.addTagsToVault({ ...target, Tags: { a: '2' } })
    assert.deepEqual((await glacier.listTagsForVault(target)).Tags, { a: '2', 'Grüße +-=._/@': '' })
    await glacier.removeTagsFromVault({ ...target, TagKeys: ['a', 'never-set'] })
    assert.deepEqual((await glacier.listTagsForVault(target)).Tags, { 'Grüße +-=._/@': '' })
  })

  it('have limits: 10 a call, 50 a vault, lengths, characters, a reserved prefix', async () => {
    const target = await aVault('tag-limits')
    const tags = (from: number, count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${from + index}`, 'v']))
    for (const Tags of [
      tags(0, 11),
      {},
      { 'aws:x': '' },
      { 'a!': '' },
      { ['k'.repeat(129)]: '' },
    ]) {
      await assert.rejects(glacier.addTagsToVault({ ...target, Tags }), invalid)
    }
    for (let from = 0; from < 50; from += 10) {
      await glacier.addTagsToVault({ ...target, Tags: tags(from, 10) })
    }
    await glacier.addTagsToVault({ ...target, Tags: { k0: 'again' } })
    await assert.rejects(glacier.addTagsToVault({ ...target, Tags: { one: 'more' } }), {
      name: 'LimitExceededException',
      message:
        'The quota for the number of tags that can be assigned to this resource has been reached.',
    })
  })

  it('need to be told what to do with them', async () => {
    await aVault('tags')
    for (const path of ['/-/vaults/tags/tags', '/-/vaults/tags/tags?operation=change']) {
      assert.equal((await send(vault.url, { method: 'POST', path, body: '{}' })).status, 400)
    }
  })
})

describe('notifications', () => {
  it('are set, read and deleted', async () => {
    const target = await aVault('notifications')
    await assert.rejects(glacier.getVaultNotifications(target), notFound)
    const vaultNotificationConfig = {
      SNSTopic: 'arn:aws:sns:us-east-1:111122223333:topic',
      Events: ['ArchiveRetrievalCompleted', 'InventoryRetrievalCompleted'],
    }
    await glacier.setVaultNotifications({ ...target, vaultNotificationConfig })
    const read = await glacier.getVaultNotifications(target)
    assert.deepEqual(read.vaultNotificationConfig, vaultNotificationConfig)
    await glacier.deleteVaultNotifications(target)
    await glacier.deleteVaultNotifications(target)
    await assert.rejects(glacier.getVaultNotifications(target), notFound)
    const bad = { ...vaultNotificationConfig, Events: ['SomethingElse'] }
    await assert.rejects(
      glacier.setVaultNotifications({ ...target, vaultNotificationConfig: bad }),
      invalid,
    )
  })
})

describe('access policy', () => {
  it('is kept as it was written', async () => {
    const target = await aVault('policy')
    await assert.rejects(glacier.getVaultAccessPolicy(target), notFound)
    const policy = { Policy: '{ "Version": "2012-10-17",  "Statement": [] }' }
    await glacier.setVaultAccessPolicy({ ...target, policy })
    assert.deepEqual((await glacier.getVaultAccessPolicy(target)).policy, policy)
    await glacier.deleteVaultAccessPolicy(target)
    await glacier.deleteVaultAccessPolicy(target)
    await assert.rejects(glacier.getVaultAccessPolicy(target), notFound)
    for (const Policy of ['not json', '[]', JSON.stringify({ long: 'x'.repeat(21_000) })]) {
      await assert.rejects(glacier.setVaultAccessPolicy({ ...target, policy: { Policy } }), invalid)
    }
  })
})

describe('vault lock', () => {
  const policy = { Policy: '{"Statement":[]}' }

  it('goes from none through InProgress to Locked, and never back', async () => {
    const target = await aVault('lock')
    await assert.rejects(glacier.getVaultLock(target), notFound)
    await glacier.abortVaultLock(target)
    const { lockId } = await glacier.initiateVaultLock({ ...target, policy })
    await assert.rejects(glacier.initiateVaultLock({ ...target, policy }), denied)
    const open = await glacier.getVaultLock(target)
    assert.equal(open.State, 'InProgress')
    assert.equal(open.Policy, policy.Policy)
    assert.equal(
      Date.parse(open.ExpirationDate ?? '') - Date.parse(open.CreationDate ?? ''),
      DAY_MS,
    )
    await assert.rejects(glacier.completeVaultLock({ ...target, lockId: 'wrong' }), invalid)
    await glacier.completeVaultLock({ ...target, lockId })
    await glacier.completeVaultLock({ ...target, lockId })
    const locked = await glacier.getVaultLock(target)
    assert.equal(locked.State, 'Locked')
    assert.equal(locked.ExpirationDate, undefined)
    await assert.rejects(glacier.completeVaultLock({ ...target, lockId: 'wrong' }), denied)
    await assert.rejects(glacier.abortVaultLock(target), denied)
    await assert.rejects(glacier.initiateVaultLock({ ...target, policy }), denied)
  })

  it('can be aborted, and evaporates after 24 hours', async () => {
    const target = await aVault('lock-aborted')
    await glacier.initiateVaultLock({ ...target, policy })
    await glacier.abortVaultLock(target)
    const { lockId } = await glacier.initiateVaultLock({ ...target, policy })
    await advanceClock(vault, DAY_MS)
    await assert.rejects(glacier.getVaultLock(target), notFound)
    await assert.rejects(glacier.completeVaultLock({ ...target, lockId }), notFound)
  })
})

describe('provisioned capacity', () => {
  it('is sold in two units that last a month', async () => {
    const account = { accountId: '-' }
    assert.deepEqual((await glacier.listProvisionedCapacity(account)).ProvisionedCapacityList, [])
    const { capacityId } = await glacier.purchaseProvisionedCapacity(account)
    await glacier.purchaseProvisionedCapacity(account)
    await assert.rejects(glacier.purchaseProvisionedCapacity(account), {
      name: 'LimitExceededException',
    })
    const { ProvisionedCapacityList: units } = await glacier.listProvisionedCapacity(account)
    assert.equal(units?.length, 2)
    assert.equal(units?.[0]?.CapacityId, capacityId)
    await advanceClock(vault, 32 * DAY_MS)
    assert.deepEqual((await glacier.listProvisionedCapacity(account)).ProvisionedCapacityList, [])
  })
})

describe('data-retrieval policy', () => {
  const account = { accountId: '-' }
  const set = (rule: { Strategy: string; BytesPerHour?: number }) =>
    glacier.setDataRetrievalPolicy({ ...account, Policy: { Rules: [rule] } })

  it('limits what Standard jobs of one hour retrieve', async () => {
    const target = await aVault('retrieval-policy')
    const { archiveId } = await glacier.uploadArchive({ ...target, body: Buffer.alloc(600, 'x') })
    const start = (Tier: string) =>
      glacier.initiateJob({
        ...target,
        jobParameters: { Type: 'archive-retrieval', ArchiveId: archiveId, Tier },
      })
    assert.equal(
      (await glacier.getDataRetrievalPolicy(account)).Policy?.Rules?.[0]?.Strategy,
      'None',
    )
    await set({ Strategy: 'BytesPerHour', BytesPerHour: 1000 })
    const { Policy } = await glacier.getDataRetrievalPolicy(account)
    assert.deepEqual(Policy?.Rules, [{ Strategy: 'BytesPerHour', BytesPerHour: 1000 }])
    await start('Standard')
    await assert.rejects(start('Standard'), {
      name: 'PolicyEnforcedException',
      message: 'InitiateJob request denied by current data retrieval policy.',
    })
    await start('Bulk')
    await advanceClock(vault, HOUR_MS)
    await start('Standard')
    await set({ Strategy: 'None' })
  })

  it('has bytes per hour with that strategy and with no other', async () => {
    await assert.rejects(set({ Strategy: 'BytesPerHour' }), invalid)
    await assert.rejects(set({ Strategy: 'None', BytesPerHour: 5 }), invalid)
    await assert.rejects(set({ Strategy: 'BytesPerHour', BytesPerHour: 0 }), invalid)
    await assert.rejects(
      glacier.setDataRetrievalPolicy({ ...account, Policy: { Rules: [] } }),
      invalid,
    )
  })
})

describe('jobs that take their time', () => {
  it('are in progress until they are done, and are forgotten a day later', async () => {
    const target = await aVault('slow-jobs')
    const { archiveId } = await glacier.uploadArchive({ ...target, body: Buffer.from('data') })
    const jobParameters = { Type: 'archive-retrieval', ArchiveId: archiveId, Description: 'mine' }
    const { jobId } = await glacier.initiateJob({ ...target, jobParameters })
    const early = await glacier.describeJob({ ...target, jobId })
    assert.equal(early.StatusCode, 'InProgress')
    assert.equal(early.Completed, false)
    assert.equal(early.SHA256TreeHash, undefined)
    assert.equal(early.JobDescription, 'mine')
    await assert.rejects(glacier.getJobOutput({ ...target, jobId }), {
      name: 'InvalidParameterValueException',
      message: `The job is not currently available for download: ${jobId}`,
    })
    await advanceClock(vault, 4 * HOUR_MS)
    assert.equal((await glacier.describeJob({ ...target, jobId })).StatusCode, 'Succeeded')
    const { body } = await glacier.getJobOutput({ ...target, jobId })
    assert.equal(await body?.transformToString(), 'data')
    await advanceClock(vault, DAY_MS + HOUR_MS)
    await assert.rejects(glacier.describeJob({ ...target, jobId }), notFound)
  })

  it('fail when their archive is deleted before', async () => {
    const target = await aVault('failing-jobs')
    const { archiveId } = await glacier.uploadArchive({ ...target, body: Buffer.from('data') })
    const jobParameters = { Type: 'archive-retrieval', ArchiveId: archiveId }
    const { jobId } = await glacier.initiateJob({ ...target, jobParameters })
    await glacier.deleteArchive({ ...target, archiveId })
    await advanceClock(vault, 4 * HOUR_MS)
    const { Completed, StatusCode } = await glacier.describeJob({ ...target, jobId })
    assert.deepEqual([Completed, StatusCode], [true, 'Failed'])
    const { JobList } = await glacier.listJobs({ ...target, statuscode: 'Failed' })
    assert.equal(JobList?.length, 1)
  })
})

describe('inventory', () => {
  const inventory = (
    target: { vaultName: string; accountId: string },
    more: {
      Format?: string
      InventoryRetrievalParameters?: {
        StartDate?: string
        EndDate?: string
        Limit?: string
        Marker?: string
      }
    } = {},
  ) => glacier.initiateJob({ ...target, jobParameters: { Type: 'inventory-retrieval', ...more } })

  it('is a day behind: counts, jobs and the deletion of the vault go by it', async () => {
    const target = await aVault('lagging')
    const fresh = await glacier.describeVault(target)
    assert.equal(fresh.NumberOfArchives, 0)
    assert.equal(fresh.LastInventoryDate, undefined)
    await assert.rejects(inventory(target), notFound)
    const { archiveId } = await glacier.uploadArchive({ ...target, body: Buffer.from('data') })
    assert.equal((await glacier.describeVault(target)).NumberOfArchives, 0)
    await advanceClock(vault, DAY_MS)
    const counted = await glacier.describeVault(target)
    assert.equal(counted.NumberOfArchives, 1)
    assert.ok(counted.LastInventoryDate)
    await glacier.deleteArchive({ ...target, archiveId })
    assert.equal((await glacier.describeVault(target)).NumberOfArchives, 1)
    await assert.rejects(glacier.deleteVault(target), { message: /^Vault not empty or recently/ })
    await advanceClock(vault, DAY_MS)
    assert.equal((await glacier.describeVault(target)).NumberOfArchives, 0)
    await advanceClock(vault, 2 * DAY_MS)
    const quiet = await glacier.describeVault(target)
    assert.notEqual(quiet.LastInventoryDate, counted.LastInventoryDate)
    await advanceClock(vault, 5 * DAY_MS)
    const later = await glacier.describeVault(target)
    assert.equal(later.LastInventoryDate, quiet.LastInventoryDate)
    await glacier.deleteVault(target)
  })

  it('is written as JSON and as CSV', async () => {
    const target = await aVault('formats')
    const archiveDescription = 'a "quoted", \\ description'
    const { archiveId, checksum } = await glacier.uploadArchive({
      ...target,
      archiveDescription,
      body: Buffer.from('data'),
    })
    await advanceClock(vault, DAY_MS)
    const jobs = [await inventory(target), await inventory(target, { Format: 'CSV' })]
    await advanceClock(vault, 4 * HOUR_MS)
    const [json, csv] = await Promise.all(
      jobs.map(async ({ jobId }) => {
        const {
          body,
          contentType,
          checksum: none,
        } = await glacier.getJobOutput({ ...target, jobId })
        assert.equal(none, undefined)
        const text = (await body?.transformToString()) ?? ''
        const described = await glacier.describeJob({ ...target, jobId })
        assert.equal(described.InventorySizeInBytes, Buffer.byteLength(text))
        return { contentType, text }
      }),
    )
    assert.equal(json?.contentType, 'application/json')
    const parsed = JSON.parse(json?.text ?? '')
    assert.equal(parsed.VaultARN, 'arn:aws:glacier:us-east-1:111122223333:vaults/formats')
    assert.match(parsed.InventoryDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    assert.deepEqual(parsed.ArchiveList, [
      {
        ArchiveId: archiveId,
        ArchiveDescription: archiveDescription,
        CreationDate: parsed.ArchiveList[0].CreationDate,
        Size: 4,
        SHA256TreeHash: checksum,
      },
    ])
    assert.equal(csv?.contentType, 'text/csv')
    assert.equal(
      csv?.text,
      'ArchiveId,ArchiveDescription,CreationDate,Size,SHA256TreeHash\n' +
        `${archiveId},"a \\"quoted\\", \\ description",${parsed.ArchiveList[0].CreationDate},4,${checksum}\n`,
    )
  })

  it('is cut by dates, limit and marker', async () => {
    const target = await aVault('pages')
    const dates: string[] = []
    const ids: (string | undefined)[] = []
    for (let count = 0; count < 5; count += 1) {
      dates.push(await advanceClock(vault, HOUR_MS))
      ids.push(
        (await glacier.uploadArchive({ ...target, body: Buffer.from(`${count}`) })).archiveId,
      )
    }
    await advanceClock(vault, DAY_MS)
    const rows = async (parameters: Parameters<typeof inventory>[1]) => {
      const { jobId } = await inventory(target, parameters)
      await advanceClock(vault, 4 * HOUR_MS)
      const { body } = await glacier.getJobOutput({ ...target, jobId })
      const described = await glacier.describeJob({ ...target, jobId })
      const found = JSON.parse((await body?.transformToString()) ?? '')
      return {
        ids: found.ArchiveList.map((row: { ArchiveId: string }) => row.ArchiveId),
        marker: described.InventoryRetrievalParameters?.Marker,
      }
    }
    const first = await rows({ InventoryRetrievalParameters: { Limit: '2' } })
    assert.deepEqual(first.ids, ids.slice(0, 2))
    assert.ok(first.marker)
    const second = await rows({
      InventoryRetrievalParameters: { Limit: '3', Marker: first.marker },
    })
    assert.deepEqual(second.ids, ids.slice(2))
    assert.equal(second.marker, undefined)
    const [, StartDate, , EndDate] = dates
    assert.ok(StartDate && EndDate)
    const dated = await rows({ InventoryRetrievalParameters: { StartDate, EndDate } })
    assert.deepEqual(dated.ids, ids.slice(1, 3))
    for (const bad of [{ Limit: '0' }, { StartDate: 'soon' }, { Marker: '!' }]) {
      await assert.rejects(inventory(target, { InventoryRetrievalParameters: bad }), invalid)
    }
    await assert.rejects(inventory(target, { Format: 'XML' }), invalid)
    const jobParameters = { Type: 'inventory-retrieval', ArchiveId: ids[0] }
    await assert.rejects(glacier.initiateJob({ ...target, jobParameters }), invalid)
  })
})

describe('accounts', () => {
  it('do not see each other', async () => {
    await aVault('private')
    const stranger = sdkClient(vault.url, { as: other })
    const target = { vaultName: 'private', accountId: '-' }
    await assert.rejects(stranger.describeVault(target), {
      message: 'Vault not found for ARN: arn:aws:glacier:us-east-1:444455556666:vaults/private',
    })
    await assert.rejects(stranger.describeVault({ ...target, accountId: '111122223333' }), denied)
    assert.deepEqual((await stranger.listVaults({ accountId: '-' })).VaultList, [])
    const { location } = await stranger.createVault(target)
    assert.equal(location, '/444455556666/vaults/private')
    const { archiveId } = await stranger.uploadArchive({ ...target, body: Buffer.from('theirs') })
    await assert.rejects(glacier.deleteArchive({ ...target, archiveId }), {
      name: 'InvalidParameterValueException',
      message: 'Invalid vault name: arn:aws:glacier:us-east-1:111122223333:vaults/private',
    })
    stranger.destroy()
  })

  it('with temporary credentials need their token, and end', async () => {
    const list = { method: 'GET', path: '/-/vaults', as: temporary } as const
    assert.equal(errorOf(await send(vault.url, list)).code, 'UnrecognizedClientException')
    const headers = { 'x-amz-security-token': 'token' }
    const answer = await send(vault.url, { ...list, headers })
    assert.equal(answer.status, 403)
    assert.equal(errorOf(answer).code, 'ExpiredTokenException')
  })
})
