import { isFinished, type JobError, type JobId, type JobState } from '@firn/core'
import type { PartCounts, PartTable, RecordPart, RecordPartInput } from './job-store.ts'
import { storeCall } from './store-call.ts'
import type { PartStore } from './store-facets.ts'
import { addSample, bytesPerSecond, type RateSample } from './upload-rate.ts'

/** The parts of one generation. */
export interface MemoryParts {
  readonly count: number
  readonly hashByPart: Map<number, Buffer>
  readonly begunByPart: Map<number, { readonly attempts: number; readonly worker: string }>
  opened: number
  bytes: number
  rate: readonly RateSample[]
  trouble: JobError | null
}

/** What the part methods have to know of a job. */
export interface MemoryPartsOwner {
  readonly state: JobState
  readonly generation: number
  readonly parts: MemoryParts
}

export function emptyParts(count: number): MemoryParts {
  return {
    count,
    hashByPart: new Map(),
    begunByPart: new Map(),
    opened: 0,
    bytes: 0,
    rate: [],
    trouble: null,
  }
}

export function copyParts(parts: MemoryParts): MemoryParts {
  const { hashByPart, begunByPart } = parts
  return { ...parts, hashByPart: new Map(hashByPart), begunByPart: new Map(begunByPart) }
}

export function countsOf(parts: MemoryParts): PartCounts {
  return {
    uploadedParts: parts.hashByPart.size,
    uploadedBytes: parts.bytes,
    openedParts: parts.opened,
    bytesPerSecond: bytesPerSecond(parts.rate),
  }
}

const ATTEMPTS_MAX = 65_535

export function createMemoryParts(find: (id: JobId) => MemoryPartsOwner | undefined): PartStore {
  const findGeneration = (id: JobId, generation: number): MemoryPartsOwner | undefined => {
    const owner = find(id)
    return owner?.generation === generation ? owner : undefined
  }
  return {
    beginPart: ({ jobId, generation, index }, { worker, attempt }, signal) =>
      storeCall('begin a part', signal, async () => {
        const owner = findGeneration(jobId, generation)
        if (owner?.state !== 'uploading' || index >= owner.parts.count) return 'stale'
        const { begunByPart, hashByPart } = owner.parts
        if (hashByPart.has(index)) return 'uploaded'
        begunByPart.set(index, { attempts: Math.min(attempt, ATTEMPTS_MAX), worker })
        return 'go'
      }),

    openParts: ({ jobId, generation }, window, signal) =>
      storeCall('open parts', signal, async () => {
        const owner = findGeneration(jobId, generation)
        return owner?.state === 'uploading' ? handOut(owner.parts, window) : []
      }),

    recordPart: ({ jobId, generation, index }, input, signal) =>
      storeCall('record a part', signal, async () => {
        const owner = findGeneration(jobId, generation)
        if (owner === undefined || isFinished(owner.state) || index >= owner.parts.count) {
          return { outcome: 'stale' }
        }
        return record(owner, index, input)
      }),

    noteTrouble: ({ jobId, generation }, trouble, signal) =>
      storeCall('note the trouble of a job', signal, async () => {
        const owner = findGeneration(jobId, generation)
        if (owner !== undefined) owner.parts.trouble = { ...trouble }
      }),

    forgetParts: ({ jobId, generation }, forgotten, signal) =>
      storeCall('forget parts', signal, async () => {
        const owner = findGeneration(jobId, generation)
        if (owner === undefined || isFinished(owner.state)) return
        for (const { index, sizeBytes } of forgotten) {
          if (!owner.parts.hashByPart.delete(index)) continue
          owner.parts.bytes -= sizeBytes
          // The window hands it out again, with whatever follows and is not uploaded.
          owner.parts.opened = Math.min(owner.parts.opened, index)
        }
      }),

    unfinishedParts: ({ jobId, generation }, limit, signal) =>
      storeCall('look for unfinished parts', signal, async () => {
        const parts = findGeneration(jobId, generation)?.parts
        return parts === undefined ? [] : unfinished(parts).slice(0, limit)
      }),

    loadParts: ({ jobId, generation, partCount }, signal) =>
      storeCall('load parts', signal, async () =>
        tableOf(findGeneration(jobId, generation)?.parts ?? emptyParts(0), partCount),
      ),
  }
}

function record(owner: MemoryPartsOwner, index: number, input: RecordPartInput): RecordPart {
  const { parts } = owner
  const known = parts.hashByPart.get(index)
  if (known !== undefined && !known.equals(input.treeHash)) return { outcome: 'conflict' }
  if (known === undefined) {
    parts.hashByPart.set(index, Buffer.from(input.treeHash))
    parts.bytes += input.sizeBytes
    parts.rate = addSample(parts.rate, input.nowMs, input.sizeBytes)
    parts.trouble = null
  }
  return {
    outcome: known === undefined ? 'recorded' : 'already',
    opened: owner.state === 'uploading' ? handOut(parts, input.window) : [],
    isComplete: parts.hashByPart.size === parts.count,
  }
}

function unfinished(parts: MemoryParts): number[] {
  const handedOut = Array.from({ length: parts.opened }, (_, index) => index)
  return handedOut.filter((index) => !parts.hashByPart.has(index))
}

function handOut(parts: MemoryParts, window: number): number[] {
  const outstanding = unfinished(parts).length
  const handedOut: number[] = []
  while (outstanding + handedOut.length < window && parts.opened < parts.count) {
    if (!parts.hashByPart.has(parts.opened)) handedOut.push(parts.opened)
    parts.opened += 1
  }
  return handedOut
}

function tableOf(parts: MemoryParts, partCount: number): PartTable {
  const bitmap = Buffer.alloc(Math.ceil(parts.count / 8))
  const treeHashes = Buffer.alloc(parts.count * 32)
  for (const [index, treeHash] of parts.hashByPart) {
    const byte = Math.floor(index / 8)
    bitmap.writeUInt8(bitmap.readUInt8(byte) | (0x80 >> (index % 8)), byte)
    treeHashes.set(treeHash, index * 32)
  }
  const indexes = Array.from({ length: partCount }, (_, index) => index)
  return {
    bitmap,
    treeHashes,
    attempts: indexes.map((index) => parts.begunByPart.get(index)?.attempts ?? 0),
    workers: indexes.map((index) => parts.begunByPart.get(index)?.worker ?? null),
  }
}
