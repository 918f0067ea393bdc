/** What an operator may change while Firn runs. Every process looks about once a second. */
export interface Controls {
  /** No worker begins anything. */
  readonly isHeld: boolean
  /** Vaults for which no worker begins anything; sorted, each once. */
  readonly heldVaults: readonly string[]
  /** At most this many parts of one archive are handed out and not uploaded. */
  readonly windowParts: number
  /** Parts in flight at once in each worker; null leaves it to the worker's own configuration. */
  readonly workerConcurrency: number | null
  /** Names of the workers that begin nothing more; sorted, each once. */
  readonly drainingWorkers: readonly string[]
}

export const WINDOW_PARTS_MAX = 1000
export const WORKER_CONCURRENCY_MAX = 256
/** Vaults held, or workers told to drain, at once: the record is read every second. */
export const CONTROL_NAMES_MAX = 1000

/**
 * What holds until an operator says otherwise. A window of 32: a small archive behind a huge one
 * waits for that many parts, not for all of them, and one archive keeps at most as many slots busy.
 */
export const defaultControls: Controls = {
  isHeld: false,
  heldVaults: [],
  windowParts: 32,
  workerConcurrency: null,
  drainingWorkers: [],
}

/** Whether nothing may be begun for the vault, be it held alone or with everything. */
export function isVaultHeld({ isHeld, heldVaults }: Controls, vault: string): boolean {
  return isHeld || heldVaults.includes(vault)
}

/** `names` with or without `name`, sorted; the same list when that changes nothing. */
export function withName(
  names: readonly string[],
  name: string,
  isWanted: boolean,
): readonly string[] {
  if (names.includes(name) === isWanted) return names
  return isWanted ? [...names, name].sort() : names.filter((other) => other !== name)
}
