import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { MIB, treeHash } from '@firn/core'
import {
  credentials,
  scratchDir,
  someBytes,
  startVault,
  type VaultProcess,
} from './vault-harness.ts'

const run = promisify(execFile)
const data = someBytes(9 * MIB + 12_345, 5)
let directory: Awaited<ReturnType<typeof scratchDir>>
let vault: VaultProcess
let file: string

before(async () => {
  directory = await scratchDir()
  vault = await startVault(join(directory.path, 'data'))
  file = join(directory.path, 'source.bin')
  await writeFile(file, data)
})
after(async () => {
  await vault[Symbol.asyncDispose]()
  await directory[Symbol.asyncDispose]()
})

const environment = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_PAGER: '',
}

/** A Python that has a module: the one on the PATH, or the system's own. */
async function pythonWith(module: string): Promise<string | undefined> {
  for (const python of ['python3', '/usr/bin/python3']) {
    const isThere = await run(python, ['-c', `import ${module}`]).then(
      () => true,
      () => false,
    )
    if (isThere) return python
  }
  return undefined
}

function script(name: string): string {
  return join(import.meta.dirname, 'vault-clients', name)
}

describe('boto3', () => {
  it('uploads by multipart, lists, completes, retrieves and takes inventory', async (t) => {
    const python = await pythonWith('boto3')
    if (python === undefined) {
      t.skip('no Python with boto3 (Debian: python3-boto3)')
      return
    }
    const output = join(directory.path, 'boto3.bin')
    await run(python, [script('boto3_client.py'), vault.url, file, output], { env: environment })
    assert.ok((await readFile(output)).equals(data))
  })
})

describe('boto v2', () => {
  it('uploads with ConcurrentUploader and Writer, and resumes', async (t) => {
    const python = await pythonWith('boto.glacier')
    if (python === undefined) {
      t.skip('no Python with boto v2 (Debian: python3-boto)')
      return
    }
    const output = join(directory.path, 'boto2.bin')
    const { accessKeyId, secretAccessKey } = credentials
    const values = [String(vault.port), accessKeyId, secretAccessKey, file, output]
    await run(python, [script('boto2_client.py'), ...values], { env: environment })
    assert.ok((await readFile(output)).equals(data))
  })
})

describe('AWS CLI', () => {
  it('uploads by multipart, lists, completes and retrieves', async (t) => {
    const version = await run('aws', ['--version']).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    )
    if (version === undefined) {
      t.skip('no AWS CLI (Debian: awscli)')
      return
    }
    t.diagnostic(version)
    const aws = async (command: string, ...options: string[]) => {
      const common = ['--endpoint-url', vault.url, '--output', 'json', '--account-id', '-']
      const words = ['glacier', command, ...common, ...options]
      const { stdout } = await run('aws', words, { env: environment })
      return stdout.trim() === '' ? {} : JSON.parse(stdout)
    }
    const named = ['--vault-name', 'cli']
    await aws('create-vault', ...named)
    const upload = await aws('initiate-multipart-upload', ...named, '--part-size', `${8 * MIB}`)
    // `--option=value`: ids may begin with a hyphen.
    const id = `--upload-id=${upload.uploadId}`
    for (let start = 0; start < data.length; start += 8 * MIB) {
      const part = join(directory.path, `part-${start}`)
      const bytes = data.subarray(start, start + 8 * MIB)
      await writeFile(part, bytes)
      const range = `bytes ${start}-${start + bytes.length - 1}/*`
      const sent = await aws(
        'upload-multipart-part',
        ...named,
        id,
        '--range',
        range,
        '--body',
        part,
      )
      assert.equal(sent.checksum, treeHash(bytes).toString('hex'))
    }
    const listed = await aws('list-parts', ...named, id)
    assert.equal(listed.Parts.length, 2)
    const claim = ['--archive-size', `${data.length}`, '--checksum', treeHash(data).toString('hex')]
    const { archiveId } = await aws('complete-multipart-upload', ...named, id, ...claim)
    const parameters = JSON.stringify({ Type: 'archive-retrieval', ArchiveId: archiveId })
    const { jobId } = await aws('initiate-job', ...named, '--job-parameters', parameters)
    const job = `--job-id=${jobId}`
    assert.equal((await aws('describe-job', ...named, job)).StatusCode, 'Succeeded')
    const output = join(directory.path, 'cli.bin')
    const got = await aws('get-job-output', ...named, job, output)
    assert.equal(got.checksum, treeHash(data).toString('hex'))
    assert.ok((await readFile(output)).equals(data))
    await aws('delete-archive', ...named, `--archive-id=${archiveId}`)
    await aws('delete-vault', ...named)
    assert.deepEqual((await aws('list-vaults')).VaultList, [])
  })
})
