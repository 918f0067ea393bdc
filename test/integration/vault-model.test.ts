import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Glacier } from '@aws-sdk/client-glacier'
import { MIB, treeHash } from '@firn/core'
import fc from 'fast-check'
import {
  advanceClock,
  scratchDir,
  sdkClient,
  someBytes,
  startVault,
  type VaultProcess,
} from './vault-harness.ts'

// Random histories of calls and crashes, held against a model that fits on a page.

const RUNS = Number(process.env.VAULT_MODEL_RUNS ?? 12)
const target = { vaultName: 'v', accountId: '-' }
const DAY_MS = 24 * 60 * 60_000
const SLOT_COUNT = 3

interface ModelPart {
  readonly seed: number
  readonly sizeBytes: number
}

interface ModelUpload {
  state: 'open' | 'aborted' | 'completed' | 'gone'
  readonly parts: Map<number, ModelPart>
  /** Of a completed one. */
  archive: { readonly data: Buffer; isDeleted: boolean } | undefined
}

interface Model {
  readonly uploads: ModelUpload[]
}

/** The vault under test, and the ids that go with the model's uploads. */
interface Real {
  vault: VaultProcess
  glacier: Glacier
  readonly dataDir: string
  readonly uploadIds: string[]
  readonly archiveIds: Map<number, string>
}

type Command = fc.AsyncCommand<Model, Real>

function hexTree(bytes: Uint8Array): string {
  return treeHash(bytes).toString('hex')
}

function bytesOf({ seed, sizeBytes }: ModelPart): Buffer {
  return someBytes(sizeBytes, seed)
}

/** The archive that the parts make, or undefined while they make none. */
function assembled(upload: ModelUpload): Buffer | undefined {
  const last = Math.max(-1, ...upload.parts.keys())
  if (last < 0) return undefined
  const pieces: Buffer[] = []
  for (let slot = 0; slot <= last; slot += 1) {
    const part = upload.parts.get(slot)
    if (part === undefined || (slot < last && part.sizeBytes < MIB)) return undefined
    pieces.push(bytesOf(part))
  }
  return Buffer.concat(pieces)
}

/** The outcome of a call: `ok`, or the name of the error. */
async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return 'ok'
  } catch (error) {
    assert.ok(error instanceof Error)
    return error.name
  }
}

function put(real: Real, index: number, slot: number, part: ModelPart) {
  const start = slot * MIB
  return real.glacier.uploadMultipartPart({
    ...target,
    uploadId: real.uploadIds[index],
    range: `bytes ${start}-${start + part.sizeBytes - 1}/*`,
    body: bytesOf(part),
  })
}

async function complete(real: Real, index: number, data: Buffer, checksum = hexTree(data)) {
  const uploadId = real.uploadIds[index]
  const claim = { archiveSize: `${data.length}`, checksum }
  const { archiveId } = await real.glacier.completeMultipartUpload({
    ...target,
    uploadId,
    ...claim,
  })
  assert.ok(archiveId)
  return archiveId
}

async function listed(real: Real, index: number): Promise<string[] | undefined> {
  const uploadId = real.uploadIds[index]
  const page = await real.glacier.listParts({ ...target, uploadId }).catch((error: Error) => {
    assert.equal(error.name, 'ResourceNotFoundException')
    return undefined
  })
  return page?.Parts?.map((part) => `${part.RangeInBytes} ${part.SHA256TreeHash}`)
}

function expectedParts(upload: ModelUpload): string[] {
  return [...upload.parts]
    .sort(([a], [b]) => a - b)
    .map(([slot, part]) => {
      const start = slot * MIB
      return `${start}-${start + part.sizeBytes - 1} ${hexTree(bytesOf(part))}`
    })
}

const GONE = 'ResourceNotFoundException'
const REFUSED = 'InvalidParameterValueException'

const initiate: Command = {
  check: (model) => model.uploads.length < 6,
  async run(model, real) {
    const { uploadId } = await real.glacier.initiateMultipartUpload({
      ...target,
      partSize: `${MIB}`,
    })
    assert.ok(uploadId)
    real.uploadIds.push(uploadId)
    model.uploads.push({ state: 'open', parts: new Map(), archive: undefined })
  },
  toString: () => 'initiate',
}

/** A command on one of the uploads there are. */
function onUpload(
  name: string,
  pick: number,
  run: (upload: ModelUpload, real: Real, index: number) => Promise<void>,
): Command {
  return {
    check: (model) => model.uploads.length > 0,
    async run(model, real) {
      const index = pick % model.uploads.length
      const upload = model.uploads[index]
      assert.ok(upload)
      await run(upload, real, index)
    },
    toString: () => `${name}(${pick})`,
  }
}

const putPart = (pick: number, slot: number, part: ModelPart): Command =>
  onUpload(`put ${slot} ${JSON.stringify(part)}`, pick, async (upload, real, index) => {
    const isOpen = upload.state === 'open'
    assert.equal(await outcome(put(real, index, slot, part)), isOpen ? 'ok' : GONE)
    if (isOpen) upload.parts.set(slot, part)
  })

/** Two parts race for a slot: one of them stays, whole. */
const racePuts = (pick: number, slot: number, rivals: readonly [ModelPart, ModelPart]): Command =>
  onUpload(`race ${slot} ${JSON.stringify(rivals)}`, pick, async (upload, real, index) => {
    const outcomes = await Promise.all(rivals.map((part) => outcome(put(real, index, slot, part))))
    const isOpen = upload.state === 'open'
    assert.deepEqual(outcomes, isOpen ? ['ok', 'ok'] : [GONE, GONE])
    if (!isOpen) return
    const parts = await listed(real, index)
    const winner = rivals.find((part) =>
      parts?.some((line) => line.endsWith(hexTree(bytesOf(part)))),
    )
    assert.ok(winner)
    upload.parts.set(slot, winner)
  })

/** A new part races Complete: whichever comes first decides for both. */
const raceComplete = (pick: number, slot: number, seed: number): Command =>
  onUpload(`race Complete with ${slot}`, pick, async (upload, real, index) => {
    const data = assembled(upload)
    if (upload.state !== 'open' || data === undefined) return
    const part = { seed, sizeBytes: MIB }
    const calls = [complete(real, index, data), put(real, index, slot, part)] as const
    const [done, stored] = await Promise.all(calls.map(outcome))
    assert.ok(
      (done === 'ok' && stored === GONE) ||
        (done === REFUSED && stored === 'ok') ||
        // Stored first, and the archive is the same with it.
        (done === 'ok' &&
          stored === 'ok' &&
          hexTree(bytesOf(upload.parts.get(slot) ?? part)) === hexTree(bytesOf(part))),
      `Complete ${done}, part ${stored}`,
    )
    if (stored === 'ok') upload.parts.set(slot, part)
    if (done !== 'ok') return
    upload.state = 'completed'
    upload.archive = { data, isDeleted: false }
    real.archiveIds.set(index, await calls[0])
  })

const completeUpload = (pick: number, isRight: boolean): Command =>
  onUpload(isRight ? 'complete' : 'complete wrongly', pick, async (upload, real, index) => {
    const data = upload.archive?.data ?? assembled(upload) ?? Buffer.from('nothing')
    const call = complete(real, index, data, isRight ? undefined : '0'.repeat(64))
    const result = await outcome(call)
    if (upload.state === 'aborted' || upload.state === 'gone') {
      assert.equal(result, GONE)
    } else if (!isRight || (upload.state === 'open' && assembled(upload) === undefined)) {
      assert.equal(result, REFUSED)
    } else {
      assert.equal(result, 'ok')
      const known = real.archiveIds.get(index)
      assert.ok(known === undefined || known === (await call))
      real.archiveIds.set(index, await call)
      upload.archive ??= { data, isDeleted: false }
      upload.state = 'completed'
    }
  })

const abort = (pick: number): Command =>
  onUpload('abort', pick, async (upload, real, index) => {
    const uploadId = real.uploadIds[index]
    const result = await outcome(real.glacier.abortMultipartUpload({ ...target, uploadId }))
    const isKnown = upload.state === 'open' || upload.state === 'aborted'
    assert.equal(result, isKnown ? 'ok' : GONE)
    if (isKnown) upload.state = 'aborted'
  })

const list = (pick: number): Command =>
  onUpload('list', pick, async (upload, real, index) => {
    const expected = upload.state === 'open' ? expectedParts(upload) : undefined
    assert.deepEqual(await listed(real, index), expected)
  })

const retrieve = (pick: number): Command =>
  onUpload('retrieve', pick, async (upload, real, index) => {
    if (upload.archive === undefined) return
    const jobParameters = { Type: 'archive-retrieval', ArchiveId: real.archiveIds.get(index) }
    const start = real.glacier.initiateJob({ ...target, jobParameters })
    const result = await outcome(start)
    assert.equal(result, upload.archive.isDeleted ? GONE : 'ok')
    if (upload.archive.isDeleted) return
    const { jobId } = await start
    const { body } = await real.glacier.getJobOutput({ ...target, jobId })
    assert.ok(Buffer.from((await body?.transformToByteArray()) ?? []).equals(upload.archive.data))
  })

const deleteArchive = (pick: number): Command =>
  onUpload('delete', pick, async (upload, real, index) => {
    if (upload.archive === undefined) return
    await real.glacier.deleteArchive({ ...target, archiveId: real.archiveIds.get(index) })
    upload.archive.isDeleted = true
  })

/** Kills the vault and starts it again. */
const crash: Command = {
  check: () => true,
  async run(_model, real) {
    await real.vault.stop('SIGKILL')
    real.glacier.destroy()
    real.vault = await startVault(real.dataDir, { VAULT_CONTROL_PORT: '0' })
    real.glacier = sdkClient(real.vault.url)
  },
  toString: () => 'crash',
}

/** A day and a bit without activity: what is open expires, what has ended is forgotten. */
const aDayLater: Command = {
  check: () => true,
  async run(model, real) {
    // Within one life of the process: its clock does not outlast it, as the machine's own does.
    await advanceClock(real.vault, DAY_MS + 1000)
    for (const upload of model.uploads) upload.state = 'gone'
    await advanceClock(real.vault, 0)
  },
  toString: () => 'a day later',
}

const pick = fc.nat(20)
const slot = fc.nat(SLOT_COUNT - 1)
const seed = fc.integer({ min: 1, max: 1000 })
const part = fc.record({ seed, sizeBytes: fc.constantFrom(MIB, MIB, MIB, 1000, 1) })
const commands = [
  fc.constant(initiate),
  fc.tuple(pick, slot, part).map(([a, b, c]) => putPart(a, b, c)),
  fc.tuple(pick, slot, part).map(([a, b, c]) => putPart(a, b, c)),
  fc.tuple(pick, slot, part).map(([a, b, c]) => putPart(a, b, c)),
  fc.tuple(pick, slot, fc.tuple(part, part)).map(([a, b, c]) => racePuts(a, b, c)),
  fc.tuple(pick, slot, seed).map(([a, b, c]) => raceComplete(a, b, c)),
  fc.tuple(pick, fc.boolean()).map(([a, b]) => completeUpload(a, b)),
  pick.map((a) => completeUpload(a, true)),
  pick.map(abort),
  pick.map(list),
  pick.map(retrieve),
  pick.map(deleteArchive),
  fc.constant(crash),
]

async function play(history: Iterable<Command>): Promise<void> {
  await using directory = await scratchDir()
  const vault = await startVault(directory.path, { VAULT_CONTROL_PORT: '0' })
  const real: Real = {
    vault,
    glacier: sdkClient(vault.url),
    dataDir: directory.path,
    uploadIds: [],
    archiveIds: new Map(),
  }
  try {
    await real.glacier.createVault(target)
    const model: Model = { uploads: [] }
    await fc.asyncModelRun(() => ({ model, real }), history)
    await fc.asyncModelRun(
      () => ({ model, real }),
      [
        ...model.uploads.flatMap((_, index) => [list(index), retrieve(index)]),
        crash,
        ...model.uploads.flatMap((_, index) => [list(index), retrieve(index)]),
        aDayLater,
        ...model.uploads.flatMap((_, index) => [list(index), abort(index), retrieve(index)]),
        ...model.uploads.map((_, index) => completeUpload(index, true)),
      ],
    )
  } finally {
    real.glacier.destroy()
    await real.vault.stop('SIGKILL')
  }
}

describe('a vault', () => {
  it(`behaves as its model in ${RUNS} random histories with crashes`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: 'max' }), play),
      { numRuns: RUNS, endOnFailure: true },
    )
  })
})
