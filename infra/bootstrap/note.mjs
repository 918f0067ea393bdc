/** Something is missing that a person has to provide; the message says what and how. */
export class BootstrapError extends Error {}

/** One line of progress, on stderr so that a program's output stays its own. */
export function note(text) {
  process.stderr.write(`firn: ${text}\n`)
}
