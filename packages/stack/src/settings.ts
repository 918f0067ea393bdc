/** Settings of Firn or of the AWS SDK; `.env.example` lists them. */
const SETTING =
  /^(AWS|API|GLACIER|VAULT|WORKER|FINALIZER|LOCK|STALLED|RETRY|SWEEP|RECOVER|ORPHAN|INVENTORY|UPLOAD)_|^(REDIS_URL|JOURNAL_URL|SOURCE_ROOTS|OPEN_JOBS_MAX|FIRN_(DATA_DIR|GLACIER|WORKERS))$/

/** The environment without what is not set; a variable set to nothing, as in a copied .env, is not. */
export function definedVariables(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const entries = Object.entries(env).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, value] as const],
  )
  return Object.fromEntries(entries)
}

/** The environment without what would lead a service to a Redis, an account or a port of the user's. */
export function neutralVariables(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const entries = Object.entries(definedVariables(env)).filter(([name]) => !SETTING.test(name))
  return Object.fromEntries(entries)
}
