import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { initialProgress, type JobEvent, jobStates, type Progress, step } from '@firn/core'

const upload = {
  uploadId: 'U',
  plan: { sizeBytes: 3, partSizeBytes: 1024 ** 2, partCount: 1 },
  pin: { sizeBytes: 3, device: '1', inode: '2', mtimeNs: '3', ctimeNs: '4' },
  expectedTreeHash: null,
  openedAtMs: 1,
}
const error = { code: 'INTERNAL', message: 'x' } as const

/** One of each event, two where the machine tells them apart. */
const events: readonly JobEvent[] = [
  { type: 'opening' },
  { type: 'opened', upload },
  { type: 'sealed', treeHash: 'aa' },
  { type: 'range-missing' },
  { type: 'doubted', atMs: 1 },
  { type: 'doubt-cleared' },
  { type: 'inventory-asked', inventoryJobId: 'I1', inventoryDateMs: 1 },
  { type: 'upload-lost' },
  { type: 'upload-kept' },
  { type: 'completed', archive: { archiveId: 'A', location: '/', treeHash: 'aa' } },
  { type: 'failed', error: { ...error, isRetryable: true } },
  { type: 'failed', error: { ...error, isRetryable: false } },
  { type: 'upload-aborted' },
  { type: 'pause' },
  { type: 'resume' },
  { type: 'cancel' },
  { type: 'retry' },
]

/** Every edge between different states that some sequence of events takes. */
function edgesOfMachine(): string[] {
  const edges = new Set<string>()
  const seen = new Set<string>()
  const todo: Progress[] = [initialProgress]
  for (let progress = todo.pop(); progress !== undefined; progress = todo.pop()) {
    const key = JSON.stringify(progress)
    if (seen.has(key) || progress.generation > 3) continue
    seen.add(key)
    for (const event of events) {
      const next = step(progress, event)
      if (!next.ok) continue
      todo.push(next.progress)
      if (next.progress.state === progress.state) continue
      edges.add(`${progress.state} --> ${next.progress.state}: ${event.type}`)
    }
  }
  return [...edges].sort()
}

function edgesOfDiagram(page: string): string[] {
  const diagram = /```mermaid\nstateDiagram-v2\n(.*?)```/s.exec(page)?.[1] ?? ''
  const edges = diagram.matchAll(/^ *(\w+) --> (\w+): (.+)$/gm)
  return [...edges]
    .flatMap(([, from, to, labels]) =>
      (labels ?? '').split(', ').map((label) => `${from} --> ${to}: ${label}`),
    )
    .sort()
}

describe('the state diagram', () => {
  it('shows exactly the edges of the machine', async () => {
    const page = await readFile('docs/architecture.md', 'utf8')
    assert.deepEqual(edgesOfDiagram(page), edgesOfMachine())
    for (const state of jobStates) assert.match(page, new RegExp(`\\b${state}\\b`))
  })
})
