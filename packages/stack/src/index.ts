export { createFileOutput, createPrettyOutput, type StackOutput } from './output.ts'
export { type Stack, type StackOptions, startStack, type VaultAccess } from './stack.ts'
export type { ServiceKind } from './stop-phases.ts'
export type { ProcessStatus } from './supervisor.ts'
