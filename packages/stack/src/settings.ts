/** Variables that set up a service; a stack with settings of its own must not inherit them. */
const isServiceSetting = (name: string): boolean =>
  /^(AWS_|API_|VAULT_|WORKER_|FINALIZER_)/.test(name) ||
  ['REDIS_URL', 'JOURNAL_URL', 'SPOOL_URL', 'SOURCE_ROOTS', 'FIRN_DATA_DIR'].includes(name)

/** The environment without what is not set; a variable set to nothing, as in a copied .env, is not. */
export function definedVariables(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const entries = Object.entries(env).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, value] as const],
  )
  return Object.fromEntries(entries)
}

/** The environment without what would lead a service to a Redis, an account or a port of the user's. */
export function neutralVariables(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const entries = Object.entries(definedVariables(env)).filter(([name]) => !isServiceSetting(name))
  return Object.fromEntries(entries)
}
