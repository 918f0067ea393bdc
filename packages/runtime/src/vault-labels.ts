/** Vaults that the metrics of one process tell apart: client-made names must not become series without end. */
export const VAULT_LABELS_MAX = 50
/** What all further vaults are called together; no vault can have this name. */
export const OTHER_VAULTS = '(other)'

/**
 * Labels for counters, which keep what they were called: the first vaults of the process have
 * their names. What is counted is counted once, so sums over processes and vaults are right
 * whichever vaults a process names. Null, for what concerns no vault, is the empty label.
 */
export function createVaultLabels(): (vault: string | null) => string {
  const named = new Set<string>()
  return (vault) => {
    if (vault === null) return ''
    if (named.has(vault)) return vault
    if (named.size >= VAULT_LABELS_MAX) return OTHER_VAULTS
    named.add(vault)
    return vault
  }
}

/**
 * Labels for gauges that every process derives from the same facts: the first vaults by name have
 * theirs, so that two processes that see the same vaults call them the same and `max by (vault)`
 * takes none of them twice.
 */
export function nameVaults(vaults: Iterable<string>): (vault: string) => string {
  const named = new Set([...new Set(vaults)].sort().slice(0, VAULT_LABELS_MAX))
  return (vault) => (named.has(vault) ? vault : OTHER_VAULTS)
}
