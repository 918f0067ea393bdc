import { VAULT_NAME_MAX_CHARS } from '@firn/core'
import { invalidParameter, notFound } from '../glacier-error.ts'
import type { Call } from '../http/call.ts'
import type { Vault } from '../storage/catalog.ts'
import type { VaultStore } from '../storage/vault-store.ts'

export function isVaultName(name: string): boolean {
  return name.length <= VAULT_NAME_MAX_CHARS && /^[A-Za-z0-9_.-]+$/.test(name)
}

/** Names in the form that answers and messages use. */
export interface Names {
  readonly arn: (accountId: string, vaultName: string) => string
  /** A path for a `Location` header. */
  readonly location: (call: Call, ...rest: readonly string[]) => string
}

export function createNames(region: string): Names {
  return {
    arn: (accountId, vaultName) => `arn:aws:glacier:${region}:${accountId}:vaults/${vaultName}`,
    location: (call, ...rest) => ['', call.accountId, 'vaults', call.vaultName, ...rest].join('/'),
  }
}

export function vaultNotFound(names: Names, call: Call): Error {
  return notFound(`Vault not found for ARN: ${names.arn(call.accountId, call.vaultName)}`)
}

/** The vault that the path names. */
export function requiredVault(store: VaultStore, names: Names, call: Call): Vault {
  const vault = store.catalog.find(call.accountId, call.vaultName)
  if (vault === undefined) throw vaultNotFound(names, call)
  return vault
}

/** Dates in bodies: ISO 8601, UTC, with milliseconds. */
export function isoDate(ms: number): string {
  return new Date(ms).toISOString()
}

/**
 * `x-amz-archive-description`: at most 1,024 bytes of printable ASCII, without leading spaces;
 * null when absent or empty.
 */
export function archiveDescription(call: Call): string | null {
  const text = (call.header('x-amz-archive-description') ?? '').replace(/^ +/, '')
  return checkedDescription('x-amz-archive-description', text)
}

export function checkedDescription(name: string, text: string): string | null {
  if (!/^[\x20-\x7e]{0,1024}$/.test(text)) {
    throw invalidParameter(`Invalid ${name}: it must be at most 1024 bytes, each from 0x20 to 0x7E`)
  }
  return text === '' ? null : text
}
