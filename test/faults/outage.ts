import assert from 'node:assert/strict'
import type { JobBody, PostRecord } from './api-user.ts'
import { MIB, type Scene } from './scene.ts'

/** The API promises an answer within 5 s; the rest is this machine's. */
const ANSWER_MAX_MS = 10_000
const STATUS_UNAVAILABLE = 503

/** A post that may have met an outage. */
export interface TriedPost {
  readonly key: string
  readonly body: JobBody
  readonly outcome: PostRecord['outcome']
  readonly tookMs: number
}

/** Posts once, under that key, a job of its own. */
export async function tryPost(scene: Scene, key: string): Promise<TriedPost> {
  const source = await scene.makeSource(MIB)
  scene.bind(key, source)
  const body = { vault: scene.vault, source: { type: 'file', path: source.path } } as const
  const sentAtMs = performance.now()
  const outcome = await scene.user.post(body, key)
  return { key, body, outcome, tookMs: performance.now() - sentAtMs }
}

/** Sends posts again that met an outage: nothing is left unknown. */
export async function sendAgain(scene: Scene, posts: readonly TriedPost[]): Promise<void> {
  for (const { key, body } of posts) {
    await scene.until(async () => {
      const { type } = await scene.user.post(body, key)
      return type === 'accepted'
    }, `${key} is accepted in the end`)
  }
}

/** As it has to be while something is away: soon, 503, and when to try again. */
export function assertRefused({ outcome, tookMs }: TriedPost): void {
  assert.equal(outcome.type, 'refused', JSON.stringify(outcome))
  if (outcome.type !== 'refused') return
  assert.equal(outcome.status, STATUS_UNAVAILABLE, outcome.code)
  assert.ok(outcome.isRetryable, 'there is no Retry-After')
  assert.ok(tookMs < ANSWER_MAX_MS, `the answer took ${tookMs} ms`)
}

/** The same of a question. */
export async function assertUnavailable(scene: Scene, path: string): Promise<void> {
  const sentAtMs = performance.now()
  const { status, isRetryable, text } = await scene.user.ask(path)
  const tookMs = performance.now() - sentAtMs
  assert.equal(status, STATUS_UNAVAILABLE, text)
  assert.ok(isRetryable, 'there is no Retry-After')
  assert.ok(tookMs < ANSWER_MAX_MS, `the answer took ${tookMs} ms`)
}
