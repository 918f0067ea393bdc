import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFile,
  chmod,
  link,
  mkdir,
  mkdtemp,
  open,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { AppError, type ErrorCode, MIB, type SourcePin, treeHash } from '@firn/core'
import { type HashPool, openHashPool } from '@firn/hashing'
import { createSources, type PartBody, type Sources } from '@firn/sources'

const never = new AbortController().signal
const file = (path: string) => ({ type: 'file', path }) as const

function hasCode(...codes: readonly ErrorCode[]): (error: unknown) => boolean {
  return (error) => error instanceof AppError && codes.includes(error.code)
}

const data = Buffer.alloc(5 * MIB + 321)
for (let at = 0; at + 4 <= data.length; at += 4) data.writeUInt32LE(Math.imul(at, 40503) >>> 0, at)
const hashesOf = (bytes: Uint8Array) => ({
  sha256: createHash('sha256').update(bytes).digest('hex'),
  treeHash: treeHash(bytes).toString('hex'),
})

let base: string
let root: string
let outside: string
let hashPool: HashPool
let sources: Sources
let count = 0

before(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'firn-sources-')))
  root = join(base, 'root')
  outside = join(base, 'outside')
  await mkdir(root)
  await mkdir(outside)
  await writeFile(join(outside, 'secret'), data)
  hashPool = await openHashPool({ threads: 2 })
  sources = createSources({ roots: [root], hashPool, memoryBytes: 16 * MIB })
})
after(async () => {
  await hashPool[Symbol.asyncDispose]()
  await rm(base, { recursive: true })
})

async function aFile(bytes: Uint8Array = data): Promise<string> {
  const path = join(root, `file-${count++}`)
  await writeFile(path, bytes)
  return path
}

async function bytesOf({ body }: PartBody): Promise<Buffer> {
  return body instanceof Uint8Array ? Buffer.from(body) : await buffer(body)
}

describe('createSources(): which files', () => {
  it('pins the size, the inode and both times of a regular file', async () => {
    const path = await aFile()
    const { dev, ino, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    assert.deepEqual(await sources.inspect(file(path), never), {
      sizeBytes: data.length,
      device: String(dev),
      inode: String(ino),
      mtimeNs: String(mtimeNs),
      ctimeNs: String(ctimeNs),
    })
  })

  it('refuses what is not a regular file, at once', async () => {
    const fifo = join(root, 'fifo')
    execFileSync('mkfifo', [fifo])
    const socket = join(root, 'socket')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(socket, resolve))
    for (const path of [fifo, socket, root, join(root, '.')]) {
      await assert.rejects(
        sources.inspect(file(path), never),
        hasCode('SOURCE_NOT_REGULAR', 'SOURCE_NOT_ALLOWED'),
      )
    }
    await new Promise((resolve) => server.close(resolve))
    const device = join(root, 'zero')
    try {
      execFileSync('mknod', [device, 'c', '1', '5'], { stdio: 'ignore' })
    } catch {
      return // Only root makes devices.
    }
    await assert.rejects(sources.inspect(file(device), never), hasCode('SOURCE_NOT_REGULAR'))
  })

  it("refuses the kernel's own trees even when every path is allowed", async () => {
    const anywhere = createSources({ roots: ['/'], hashPool, memoryBytes: MIB })
    for (const path of ['/dev/zero', '/proc/self/environ', '/sys/kernel/mm/ksm/run']) {
      await assert.rejects(anywhere.inspect(file(path), never), hasCode('SOURCE_NOT_ALLOWED'))
    }
    const path = await aFile()
    assert.equal((await anywhere.inspect(file(path), never)).sizeBytes, data.length)
  })

  it('refuses every way out of the roots in the same words, whatever is there', async () => {
    await symlink(outside, join(root, 'way-out'))
    await symlink(join(outside, 'secret'), join(root, 'link-out'))
    await symlink(join(outside, 'absent'), join(root, 'dangling'))
    await symlink(join(outside, 'absent'), join(root, 'dangling-way'))
    await symlink(join(root, 'loop'), join(root, 'loop'))
    const paths = [
      join(outside, 'secret'),
      join(outside, 'absent'),
      join(root, '..', 'outside', 'secret'),
      `${root}-neighbour/x`,
      join(root, 'way-out', 'secret'),
      join(root, 'way-out', 'absent'),
      join(root, 'way-out', 'absent', 'deeper'),
      join(root, 'link-out'),
      join(root, 'dangling'),
      join(root, 'dangling-way', 'x'),
      join(root, 'loop'),
      'root/relative',
      `${root}/nul\0byte`,
      '',
    ]
    const texts = new Set<string>()
    for (const path of paths) {
      await assert.rejects(sources.inspect(file(path), never), (error) => {
        assert.ok(hasCode('SOURCE_NOT_ALLOWED')(error), path)
        texts.add(String(error).replace(JSON.stringify(path), 'PATH'))
        return true
      })
    }
    assert.equal(texts.size, 1)
  })

  it('follows directory links that stay inside, and a root that is itself a link', async () => {
    await mkdir(join(root, '2026'), { recursive: true })
    await writeFile(join(root, '2026', 'file'), data)
    await symlink('2026', join(root, 'current'))
    const byLink = join(root, 'current', 'file')
    assert.equal((await sources.inspect(file(byLink), never)).sizeBytes, data.length)
    await symlink(root, join(base, 'alias'))
    const aliased = createSources({ roots: [join(base, 'alias')], hashPool, memoryBytes: MIB })
    for (const path of [join(base, 'alias', '2026', 'file'), join(root, '2026', 'file')]) {
      assert.equal((await aliased.inspect(file(path), never)).sizeBytes, data.length)
    }
  })

  it('serves a root that appears after it was created', async () => {
    const late = join(base, 'late')
    const lateSources = createSources({ roots: [late], hashPool, memoryBytes: MIB })
    const path = join(late, 'file')
    await assert.rejects(
      lateSources.inspect(file(path), never),
      hasCode('SOURCE_NOT_FOUND', 'SOURCE_NOT_ALLOWED'),
    )
    await mkdir(late)
    await writeFile(path, data)
    assert.equal((await lateSources.inspect(file(path), never)).sizeBytes, data.length)
  })

  it('tells empty, missing and forbidden files apart from what is outside', async () => {
    await assert.rejects(
      sources.inspect(file(await aFile(Buffer.alloc(0))), never),
      hasCode('SOURCE_EMPTY'),
    )
    for (const path of [join(root, 'absent'), join(root, 'absent', 'deeper', 'file')]) {
      await assert.rejects(sources.inspect(file(path), never), hasCode('SOURCE_NOT_FOUND'))
    }
    const name = join(root, 'x'.repeat(300))
    await assert.rejects(sources.inspect(file(name), never), hasCode('SOURCE_NOT_FOUND'))
    if (process.getuid?.() === 0) return // Root may read everything.
    const forbidden = await aFile()
    await chmod(forbidden, 0)
    await assert.rejects(sources.inspect(file(forbidden), never), hasCode('SOURCE_NOT_FOUND'))
  })

  it('never reads what lies outside while a directory is being swapped for a link', async () => {
    const inside = join(root, 'swapped')
    const aside = join(root, 'aside')
    const trap = join(root, 'trap')
    await mkdir(inside)
    await writeFile(join(inside, 'secret'), 'harmless')
    await symlink(outside, trap)
    let isSwapping = true
    const swapping = (async () => {
      for (let round = 0; isSwapping; round++) {
        // Shifts how the renames fall between the steps of opening.
        for (let turns = round % 7; turns > 0; turns--) await new Promise(setImmediate)
        await rename(inside, aside)
        await rename(trap, inside)
        for (let turns = round % 5; turns > 0; turns--) await new Promise(setImmediate)
        await rename(inside, trap)
        await rename(aside, inside)
      }
    })()
    const outcomes = new Set<string | number>()
    for (let round = 0; round < 500; round++) {
      const seen = sources.inspect(file(join(inside, 'secret')), never)
      outcomes.add(
        await seen.then(
          (pin) => pin.sizeBytes,
          (error: unknown) => (error instanceof AppError ? error.code : String(error)),
        ),
      )
    }
    isSwapping = false
    await swapping
    for (const outcome of outcomes) {
      assert.ok(['harmless'.length, 'SOURCE_NOT_ALLOWED', 'SOURCE_NOT_FOUND'].includes(outcome))
    }
    assert.ok(outcomes.has('harmless'.length) && outcomes.has('SOURCE_NOT_ALLOWED'))
  })
})

describe('createSources(): bytes', () => {
  it('reads parts of any range, held in memory or streamed, with both hashes of their bytes', async () => {
    const path = await aFile()
    const small = createSources({ roots: [root], hashPool, memoryBytes: 2 * MIB })
    const pin = await sources.inspect(file(path), never)
    const ranges = [
      { start: 0, end: 1 },
      { start: 0, end: data.length },
      { start: MIB - 1, end: 4 * MIB + 1 },
      { start: data.length - 1, end: data.length },
    ]
    for (const range of ranges) {
      for (const reader of [sources, small]) {
        await using part = await reader.openPart({ source: file(path), pin, range }, never)
        const bytes = data.subarray(range.start, range.end)
        assert.deepEqual({ sha256: part.sha256, treeHash: part.treeHash }, hashesOf(bytes))
        assert.ok(bytes.equals(await bytesOf(part)))
        await part.verify()
      }
    }
    await using streamed = await small.openPart(
      { source: file(path), pin, range: ranges[1]! },
      never,
    )
    assert.ok(!(streamed.body instanceof Uint8Array))
    assert.deepEqual(await sources.hashWhole({ source: file(path), pin }, never), hashesOf(data))
  })

  it('lends the memory of a part again only after the part was disposed of', async () => {
    const path = await aFile()
    const tight = createSources({ roots: [root], hashPool, memoryBytes: 2 * MIB })
    const pin = await tight.inspect(file(path), never)
    const at = (start: number) =>
      tight.openPart({ source: file(path), pin, range: { start, end: start + 2 * MIB } }, never)
    const first = await at(0)
    let isOpen = false
    const second = at(2 * MIB).then((part) => {
      isOpen = true
      return part
    })
    const impatient = new AbortController()
    const third = tight.openPart(
      { source: file(path), pin, range: { start: 0, end: 2 * MIB } },
      impatient.signal,
    )
    impatient.abort(new Error('shutting down'))
    await assert.rejects(third, /shutting down/)
    await tight.hashWhole({ source: file(path), pin }, never)
    assert.equal(isOpen, false)
    assert.ok(data.subarray(0, 2 * MIB).equals(await bytesOf(first)))
    await first[Symbol.asyncDispose]()
    await using opened = await second
    assert.ok(data.subarray(2 * MIB, 4 * MIB).equals(await bytesOf(opened)))
  })

  it('gives back memory and file when a part is aborted while it is being hashed', async () => {
    const path = join(root, 'endless')
    await using endless = await open(path, 'w')
    const sizeBytes = 1024 * 1024 * MIB
    await endless.truncate(sizeBytes)
    const tight = createSources({ roots: [root], hashPool, memoryBytes: 2 * MIB })
    const pin = await tight.inspect(file(path), never)
    const abort = new AbortController()
    const range = { start: 0, end: sizeBytes }
    const opening = tight.openPart({ source: file(path), pin, range }, abort.signal)
    abort.abort(new Error('cancelled'))
    await assert.rejects(opening, /cancelled/)
    await using part = await tight.openPart(
      { source: file(path), pin, range: { start: 0, end: 2 * MIB } },
      never,
    )
    assert.equal((await bytesOf(part)).length, 2 * MIB)
  })

  it('stops a stream in the middle without harm to its file', async () => {
    const path = await aFile()
    const small = createSources({ roots: [root], hashPool, memoryBytes: MIB })
    const pin = await small.inspect(file(path), never)
    const range = { start: 0, end: data.length }
    const part = await small.openPart({ source: file(path), pin, range }, never)
    assert.ok(!(part.body instanceof Uint8Array))
    for await (const chunk of part.body) {
      assert.ok(chunk.length > 0)
      break
    }
    await part[Symbol.asyncDispose]()
    const again = await small.openPart({ source: file(path), pin, range }, never)
    const { body } = again
    assert.ok(!(body instanceof Uint8Array))
    body.read()
    await again[Symbol.asyncDispose]()
    assert.ok(body.destroyed)
  })
})

describe('createSources(): a source that changes', () => {
  type Change = (path: string) => Promise<unknown>
  const sameSize = async (path: string) => {
    await using handle = await open(path, 'r+')
    await handle.write(Buffer.from('changed'), 0, 7, 0)
  }
  const changes: readonly (readonly [string, Change])[] = [
    ['truncated', (path) => truncate(path, 10)],
    ['grown', (path) => appendFile(path, 'x')],
    ['rewritten in place with the same size', sameSize],
    [
      'rewritten in place and its time put back',
      async (path) => {
        const { atime, mtime } = await stat(path)
        await sameSize(path)
        await utimes(path, atime, mtime)
      },
    ],
    [
      'replaced by rename with the same bytes',
      async (path) => {
        await writeFile(`${path}.new`, data)
        await rename(`${path}.new`, path)
      },
    ],
  ]
  for (const [what, change] of changes) {
    it(`is SOURCE_CHANGED when it is ${what}, before and during a part`, async () => {
      const path = await aFile()
      const small = createSources({ roots: [root], hashPool, memoryBytes: 2 * MIB })
      const pin = await small.inspect(file(path), never)
      const range = { start: 0, end: MIB }
      await using held = await small.openPart({ source: file(path), pin, range }, never)
      await held.verify()
      await change(path)
      await assert.rejects(held.verify(), hasCode('SOURCE_CHANGED'))
      const input = { source: file(path), pin, range }
      await assert.rejects(small.openPart(input, never), hasCode('SOURCE_CHANGED'))
      await assert.rejects(small.hashWhole(input, never), hasCode('SOURCE_CHANGED'))
    })
  }

  it('is SOURCE_NOT_FOUND once it was deleted', async () => {
    const path = await aFile()
    const pin = await sources.inspect(file(path), never)
    await rm(path)
    const input = { source: file(path), pin, range: { start: 0, end: 1 } }
    await assert.rejects(sources.openPart(input, never), hasCode('SOURCE_NOT_FOUND'))
  })

  it('fails a stream that reaches the end too early, instead of sending less', async () => {
    const path = await aFile()
    const small = createSources({ roots: [root], hashPool, memoryBytes: MIB })
    const pin = await small.inspect(file(path), never)
    const range = { start: 0, end: data.length }
    await using part = await small.openPart({ source: file(path), pin, range }, never)
    await truncate(path, 3 * MIB)
    await assert.rejects(bytesOf(part), hasCode('SOURCE_CHANGED'))
  })

  it('does not mind another device number, which differs between machines', async () => {
    const path = await aFile()
    const pin: SourcePin = { ...(await sources.inspect(file(path), never)), device: '7' }
    const input = { source: file(path), pin, range: { start: 0, end: 1 } }
    await using part = await sources.openPart(input, never)
    await part.verify()
  })

  it('minds a new name for the same bytes, since their change time moved', async () => {
    const path = await aFile()
    const pin = await sources.inspect(file(path), never)
    await link(path, `${path}.link`)
    const input = { source: file(path), pin, range: { start: 0, end: 1 } }
    await assert.rejects(sources.openPart(input, never), hasCode('SOURCE_CHANGED'))
  })
})
