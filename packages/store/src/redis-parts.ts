import { AppError, type JobId, missingParts } from '@firn/core'
import type { Cluster, Redis } from 'ioredis'
import type { BeginPart, PartTable, RecordPart } from './job-store.ts'
import { jobKey, partKeys, workersKey } from './keys.ts'
import { beginPartScript } from './scripts/begin-part.ts'
import { forgetPartsScript } from './scripts/forget-parts.ts'
import { noteTroubleScript } from './scripts/note-trouble.ts'
import { openPartsScript } from './scripts/open-parts.ts'
import { recordPartScript } from './scripts/record-part.ts'
import { runScript } from './scripts/script.ts'
import { storeCall } from './store-call.ts'
import type { PartStore } from './store-facets.ts'

/** Parts in one script call, so that none holds Redis up for long. */
const FORGET_CHUNK = 500

/** The part of the store that counts parts. */
export function createRedisParts(redis: Redis | Cluster): PartStore {
  return {
    beginPart: ({ jobId, generation, index }, { worker, attempt }, signal) =>
      storeCall(`begin part ${index} of job "${jobId}"`, signal, async () => {
        const { bits, meta } = partKeys(jobId, generation)
        const keys = [jobKey(jobId), bits, meta, workersKey(jobId)]
        return parseBegun(
          await runScript(redis, beginPartScript, keys, [generation, index, worker, attempt]),
        )
      }),

    openParts: ({ jobId, generation }, window, signal) =>
      storeCall(`open parts of job "${jobId}"`, signal, async () => {
        const keys = [jobKey(jobId), partKeys(jobId, generation).bits]
        return parseIndexes(await runScript(redis, openPartsScript, keys, [generation, window]))
      }),

    recordPart: ({ jobId, generation, index }, input, signal) =>
      storeCall(`record part ${index} of job "${jobId}"`, signal, async () => {
        const { bits, hashes } = partKeys(jobId, generation)
        const { sizeBytes, window, nowMs } = input
        const treeHash = Buffer.from(input.treeHash)
        const args = [generation, index, treeHash, sizeBytes, window, nowMs]
        const keys = [jobKey(jobId), bits, hashes]
        return parseRecorded(await runScript(redis, recordPartScript, keys, args))
      }),

    noteTrouble: ({ jobId, generation }, trouble, signal) =>
      storeCall(`note the trouble of job "${jobId}"`, signal, async () => {
        const args = [generation, JSON.stringify(trouble)]
        await runScript(redis, noteTroubleScript, [jobKey(jobId)], args)
      }),

    forgetParts: ({ jobId, generation }, parts, signal) =>
      storeCall(`forget parts of job "${jobId}"`, signal, async () => {
        const keys = [jobKey(jobId), partKeys(jobId, generation).bits]
        for (let start = 0; start < parts.length; start += FORGET_CHUNK) {
          signal.throwIfAborted()
          const chunk = parts.slice(start, start + FORGET_CHUNK)
          const args = chunk.flatMap(({ index, sizeBytes }) => [index, sizeBytes])
          await runScript(redis, forgetPartsScript, keys, [generation, ...args])
        }
      }),

    unfinishedParts: ({ jobId, generation }, limit, signal) =>
      storeCall(`look for unfinished parts of job "${jobId}"`, signal, async () => {
        // The cursor first: a part that it passes later is not missed, it is not due yet.
        const [[present, opened], bitmap] = await Promise.all([
          redis.hmget(jobKey(jobId), 'generation', 'opened'),
          redis.getBuffer(partKeys(jobId, generation).bits),
        ])
        if (present !== String(generation)) return []
        return missingParts(bitmap ?? Buffer.alloc(0), { start: 0, end: Number(opened), limit })
      }),

    loadParts: (job, signal) =>
      storeCall(`load parts of job "${job.jobId}"`, signal, () => loadParts(redis, job)),
  }
}

async function loadParts(
  redis: Redis | Cluster,
  job: { readonly jobId: JobId; readonly generation: number; readonly partCount: number },
): Promise<PartTable> {
  const { bits, hashes, meta } = partKeys(job.jobId, job.generation)
  // Bits first: a bit is set together with its hash, so a hash read later is there.
  const [bitmap, treeHashes, begun, numbers] = await Promise.all([
    redis.getBuffer(bits),
    redis.getBuffer(hashes),
    redis.getBuffer(meta),
    redis.hgetall(workersKey(job.jobId)),
  ])
  const nameByNumber = new Map(Object.entries(numbers).map(([name, text]) => [Number(text), name]))
  const numberAt = (position: number): number =>
    begun !== null && 2 * position + 2 <= begun.length ? begun.readUInt16BE(2 * position) : 0
  const indexes = Array.from({ length: job.partCount }, (_, index) => index)
  return {
    bitmap: bitmap ?? Buffer.alloc(0),
    treeHashes: treeHashes ?? Buffer.alloc(0),
    attempts: indexes.map((index) => numberAt(2 * index)),
    workers: indexes.map((index) => nameByNumber.get(numberAt(2 * index + 1)) ?? null),
  }
}

function parseBegun(reply: unknown): BeginPart {
  if (reply === 'go' || reply === 'uploaded' || reply === 'stale') return reply
  throw unexpected(reply)
}

function parseIndexes(reply: unknown): readonly number[] {
  if (Array.isArray(reply) && reply.every((index) => Number.isSafeInteger(index))) return reply
  throw unexpected(reply)
}

function parseRecorded(reply: unknown): RecordPart {
  if (!Array.isArray(reply)) throw unexpected(reply)
  const [outcome, isComplete, opened]: unknown[] = reply
  switch (outcome) {
    case 'recorded':
    case 'already':
      return { outcome, opened: parseIndexes(opened), isComplete: isComplete === 1 }
    case 'conflict':
    case 'stale':
      return { outcome }
    default:
      throw unexpected(reply)
  }
}

function unexpected(reply: unknown): AppError {
  return new AppError('STORE_UNAVAILABLE', `Redis script answered ${JSON.stringify(reply)}`)
}
