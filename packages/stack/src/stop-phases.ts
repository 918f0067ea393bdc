/**
 * The order in which a stack stops, and by when each phase has ended, counted from the start of
 * the stop; what is alive then is killed. Nobody may be without what it still writes to: the API
 * goes first so that no work comes in, Redis last.
 */
export const STOP_PHASES = [
  { names: ['api'], deadlineMs: 8_000 },
  { names: ['worker', 'finalizer'], deadlineMs: 20_000 },
  { names: ['vault'], deadlineMs: 22_500 },
  { names: ['redis'], deadlineMs: 25_000 },
] as const

export type ServiceKind = (typeof STOP_PHASES)[number]['names'][number]

/** The index in {@link STOP_PHASES}. */
export function stopPhaseOf(kind: ServiceKind): number {
  return STOP_PHASES.findIndex(({ names }) => names.some((name) => name === kind))
}
