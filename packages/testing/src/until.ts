import { setTimeout as delay } from 'node:timers/promises'

/**
 * Polls `condition` until it is true. Rejects after `timeoutMs`, with the condition's source text,
 * so that a test that hangs says what it waited for.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs, intervalMs = 20 }: { readonly timeoutMs: number; readonly intervalMs?: number },
): Promise<void> {
  const endsAtMs = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > endsAtMs) {
      throw new Error(`not true within ${timeoutMs} ms: ${condition}`)
    }
    await delay(intervalMs)
  }
}
