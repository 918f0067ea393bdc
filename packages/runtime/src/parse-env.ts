import { z } from 'zod'
import { scrubSecrets } from './describe-error.ts'

/** What is wrong with the environment, for the person who set it. Not a bug: no stack is shown. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`Cannot start with this environment:\n${problems.map((one) => `  ${one}`).join('\n')}`)
    this.problems = problems
  }
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * Reads the variables that `schema` names. An empty variable counts as not set. Throws one
 * {@link ConfigError} that lists every bad variable, its value (unless its name says that it is
 * secret), what is wrong and, from the field's `.describe()`, what is allowed.
 */
export function parseEnv<Schema extends z.ZodObject>(
  schema: Schema,
  env: Env,
): Readonly<z.output<Schema>> {
  const given = Object.fromEntries(
    Object.keys(schema.shape).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  )
  const result = schema.safeParse(given)
  if (result.success) return Object.freeze(result.data)
  throw new ConfigError(result.error.issues.map((issue) => problemOf(schema, env, issue)))
}

function problemOf(schema: z.ZodObject, env: Env, issue: z.core.$ZodIssue): string {
  const name = String(issue.path[0] ?? '')
  if (name === '') return issue.message
  const value = env[name]
  const shown = isSecret(name) ? '(hidden)' : JSON.stringify(scrubSecrets(value ?? ''))
  const found = value ? `${name} is ${shown}: ${issue.message}` : `${name} is not set`
  const allowed = z.globalRegistry.get(schema.shape[name] ?? z.never())?.description
  return allowed === undefined ? found : `${found}; allowed: ${allowed}`
}

function isSecret(name: string): boolean {
  return /TOKEN|SECRET|PASSWORD|_KEY/.test(name)
}

/** A whole number from `min` to `max`, written in decimal digits. */
export function integerVariable(range: {
  readonly min: number
  readonly max: number
  readonly defaultValue: number
}) {
  const allowed = `a whole number from ${range.min} to ${range.max}, default ${range.defaultValue}`
  return z
    .string()
    .regex(/^[0-9]{1,16}$/, 'not a whole number')
    .transform(Number)
    .refine((value) => value >= range.min && value <= range.max, 'out of range')
    .default(range.defaultValue)
    .describe(allowed)
}

/** A TCP port to listen on; 0 takes any free one. */
export function portVariable(defaultValue: number) {
  return integerVariable({ min: 0, max: 65_535, defaultValue })
}
