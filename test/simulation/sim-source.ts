import { hash } from 'node:crypto'
import { AppError, foldTreeHash, MIB, type SourcePin } from '@firn/core'
import type { PartBody, Sources } from '@firn/sources'

/** A file of whole parts whose bytes are known by a version: what a part holds is its hash. */
export interface SourceModel extends Sources {
  /** Somebody writes to the file while it is being archived. */
  readonly change: (path: string) => void
  /** The same, in the middle of the next read: half of what it reads is of the version before. */
  readonly tear: (path: string) => void
  /** The tree hash of each version that the file has had. */
  readonly treeHashes: (path: string) => ReadonlySet<string>
}

export function createSourceModel(partCount: number): SourceModel {
  const versions = new Map<string, number>()
  const torn = new Set<string>()
  const versionOf = (path: string) => versions.get(path) ?? 1
  const leaf = (path: string, version: number, index: number) =>
    hash('sha256', `${path} ${version} ${index}`, 'buffer')
  const root = (path: string, version: number) =>
    foldTreeHash(Array.from({ length: partCount }, (_, index) => leaf(path, version, index)))

  const pinOf = (path: string): SourcePin => ({
    sizeBytes: partCount * MIB,
    device: '1',
    inode: '1',
    mtimeNs: String(versionOf(path)),
    ctimeNs: String(versionOf(path)),
  })
  const verify = (path: string, pin: SourcePin) => {
    if (pin.mtimeNs !== pinOf(path).mtimeNs) throw new AppError('SOURCE_CHANGED', `${path} changed`)
  }

  return {
    change: (path) => versions.set(path, versionOf(path) + 1),
    tear: (path) => torn.add(path),
    treeHashes: (path) =>
      new Set(
        Array.from({ length: versionOf(path) }, (_, index) =>
          root(path, index + 1).toString('hex'),
        ),
      ),
    inspect: async ({ path }) => pinOf(path),
    async hashWhole({ source: { path }, pin }) {
      verify(path, pin)
      return { sha256: '00'.repeat(32), treeHash: root(path, versionOf(path)).toString('hex') }
    },
    async openPart({ source: { path }, pin, range }): Promise<PartBody> {
      verify(path, pin)
      if (torn.delete(path)) versions.set(path, versionOf(path) + 1)
      // As the port promises: looked at again after the read, so torn bytes go nowhere.
      verify(path, pin)
      const treeHash = leaf(path, versionOf(path), range.start / MIB).toString('hex')
      return {
        body: new Uint8Array(0),
        sha256: treeHash,
        treeHash,
        verify: async () => verify(path, pin),
        [Symbol.asyncDispose]: async () => undefined,
      }
    },
  }
}
