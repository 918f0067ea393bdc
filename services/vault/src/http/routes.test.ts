import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { matchRoute, parseQuery } from './routes.ts'

function operationOf(method: string, target: string): string | undefined {
  const [path = '', query = ''] = target.split('?')
  return matchRoute(method, path, parseQuery(query))?.operation
}

describe('matchRoute()', () => {
  it('knows all 33 operations by method and path', () => {
    const table: readonly (readonly [operation: string, method: string, target: string])[] = [
      ['CreateVault', 'PUT', '/-/vaults/v'],
      ['DescribeVault', 'GET', '/-/vaults/v'],
      ['DeleteVault', 'DELETE', '/-/vaults/v'],
      ['ListVaults', 'GET', '/-/vaults'],
      ['UploadArchive', 'POST', '/-/vaults/v/archives'],
      ['DeleteArchive', 'DELETE', '/-/vaults/v/archives/a'],
      ['InitiateMultipartUpload', 'POST', '/-/vaults/v/multipart-uploads'],
      ['UploadMultipartPart', 'PUT', '/-/vaults/v/multipart-uploads/u'],
      ['CompleteMultipartUpload', 'POST', '/-/vaults/v/multipart-uploads/u'],
      ['AbortMultipartUpload', 'DELETE', '/-/vaults/v/multipart-uploads/u'],
      ['ListParts', 'GET', '/-/vaults/v/multipart-uploads/u'],
      ['ListMultipartUploads', 'GET', '/-/vaults/v/multipart-uploads'],
      ['InitiateJob', 'POST', '/-/vaults/v/jobs'],
      ['DescribeJob', 'GET', '/-/vaults/v/jobs/j'],
      ['ListJobs', 'GET', '/-/vaults/v/jobs'],
      ['GetJobOutput', 'GET', '/-/vaults/v/jobs/j/output'],
      ['AddTagsToVault', 'POST', '/-/vaults/v/tags?operation=add'],
      ['RemoveTagsFromVault', 'POST', '/-/vaults/v/tags?operation=remove'],
      ['ListTagsForVault', 'GET', '/-/vaults/v/tags'],
      ['SetVaultNotifications', 'PUT', '/-/vaults/v/notification-configuration'],
      ['GetVaultNotifications', 'GET', '/-/vaults/v/notification-configuration'],
      ['DeleteVaultNotifications', 'DELETE', '/-/vaults/v/notification-configuration'],
      ['SetVaultAccessPolicy', 'PUT', '/-/vaults/v/access-policy'],
      ['GetVaultAccessPolicy', 'GET', '/-/vaults/v/access-policy'],
      ['DeleteVaultAccessPolicy', 'DELETE', '/-/vaults/v/access-policy'],
      ['InitiateVaultLock', 'POST', '/-/vaults/v/lock-policy'],
      ['GetVaultLock', 'GET', '/-/vaults/v/lock-policy'],
      ['AbortVaultLock', 'DELETE', '/-/vaults/v/lock-policy'],
      ['CompleteVaultLock', 'POST', '/-/vaults/v/lock-policy/l'],
      ['SetDataRetrievalPolicy', 'PUT', '/-/policies/data-retrieval'],
      ['GetDataRetrievalPolicy', 'GET', '/-/policies/data-retrieval'],
      ['ListProvisionedCapacity', 'GET', '/-/provisioned-capacity'],
      ['PurchaseProvisionedCapacity', 'POST', '/-/provisioned-capacity'],
    ]
    assert.equal(table.length, 33)
    for (const [operation, method, target] of table) {
      assert.equal(operationOf(method, target), operation, `${method} ${target}`)
    }
  })

  it('keeps "." and ".." as names and does not take an empty name for a list', () => {
    const none = new Map<string, string>()
    assert.equal(matchRoute('GET', '/-/vaults/..', none)?.vault, '..')
    assert.equal(matchRoute('GET', '/-/vaults/.', none)?.vault, '.')
    assert.deepEqual(matchRoute('GET', '/-/vaults/', none), {
      operation: 'DescribeVault',
      account: '-',
      vault: '',
      id: '',
    })
  })

  it('decodes a name only after the path is cut, so that an encoded slash stays in it', () => {
    assert.equal(matchRoute('GET', '/-/vaults/a%2Fb', new Map())?.vault, 'a/b')
  })

  it('knows no tags operation without its action, and no other paths or methods', () => {
    assert.equal(operationOf('POST', '/-/vaults/v/tags'), undefined)
    assert.equal(operationOf('PATCH', '/-/vaults/v'), undefined)
    assert.equal(operationOf('GET', '/'), undefined)
    assert.equal(operationOf('GET', '/-/vaults/v/w'), undefined)
  })

  it('throws a URIError on a bad escape', () => {
    assert.throws(() => matchRoute('GET', '/-/vaults/%E0%A4%A', new Map()), URIError)
  })
})
