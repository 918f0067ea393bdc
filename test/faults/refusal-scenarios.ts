import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Job } from './api-user.ts'
import { pass } from './glacier-gate.ts'
import { countOf, first, glacierError, settleArchived } from './rules.ts'
import type { Scenario, ScenarioGroup } from './scenario.ts'
import { MIB, type Scene } from './scene.ts'

const noVault = glacierError(
  404,
  'ResourceNotFoundException',
  'Vault not found for ARN: arn:aws:glacier:us-east-1:111122223333:vaults/x',
)
const isFinalizing = ({ state, error }: Job): boolean =>
  state === 'finalizing' && /Vault not found/.test(error?.message ?? '')

/** Holds each call from the one that `isFirst` names on, until `release`; then its connection is reset. */
function holdFrom(scene: Scene, isFirst: (operation: string, number: number) => boolean) {
  const released = Promise.withResolvers<void>()
  let isHolding = false
  let isOver = false
  scene.rule(async ({ operation, number }) => {
    isHolding ||= isFirst(operation, number)
    return isHolding && !isOver ? { type: 'hang', until: released.promise } : pass
  })
  return {
    reached: () => scene.until(() => isHolding, 'the call comes'),
    release() {
      isOver = true
      released.resolve()
    },
  }
}

/** What is on its way to the vault when the rule comes may still keep it busy. */
async function deleteVault({ glacier, vault, until, fault }: Scene): Promise<void> {
  const isDone = (): Promise<boolean> =>
    glacier.deleteVault(vault).then(
      () => true,
      () => false,
    )
  await until(isDone, 'the vault is deleted')
  fault('the vault is deleted')
}

const vaultDeleted: Scenario = {
  id: 'vault-deleted',
  fault: 'the vault is deleted in the middle of an upload',
  outcome: 'failed with GLACIER_VAULT_NOT_FOUND after a few tries; nothing is left',
  async run(scene) {
    const held = holdFrom(scene, (operation, number) => operation === 'UploadPart' && number > 2)
    await scene.submit(await scene.makeSource(8 * MIB))
    await held.reached()
    await deleteVault(scene)
    held.release()
    const [job] = await scene.settle()
    assert.equal(job?.state, 'failed')
    assert.equal(job?.error?.code, 'GLACIER_VAULT_NOT_FOUND')
    assert.equal(countOf(scene, 'Initiate'), 1)
  },
}

const vaultDenied: Scenario = {
  id: 'vault-denied',
  fault: 'Glacier says for a moment that there is no such vault, to parts and before Complete',
  outcome: 'repeated a few times before it is believed; archived under the same upload',
  async run(scene) {
    scene.rule(first(3, ['UploadPart', 'ListParts'], { type: 'answer', answer: noVault }))
    await scene.submit(await scene.makeSource(2 * MIB))
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 1)
  },
}

const vaultDeniedLate: Scenario = {
  id: 'vault-denied-late',
  fault: 'the answer to Complete is lost, and then Glacier says that there is no such vault',
  outcome: 'never failed, as the archive may exist: repeated until the vault is seen; archived',
  async run(scene) {
    let isDenied = true
    scene.rule(async ({ operation, number }) => {
      if (operation === 'Complete' && number === 1) return { type: 'commit-then-reset' }
      const isLate = countOf(scene, 'Complete') > 0
      return isDenied && isLate ? { type: 'answer', answer: noVault } : pass
    })
    const id = await scene.submit(await scene.makeSource(2 * MIB))
    const waiting = await scene.untilJob(id, isFinalizing, 'it says why it waits')
    assert.equal(waiting.error?.code, 'OUTCOME_UNKNOWN')
    await scene.until(() => countOf(scene, 'Complete') > 6, 'Complete is repeated')
    isDenied = false
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 1, 'it was uploaded again')
  },
}

const vaultDeletedLate: Scenario = {
  id: 'vault-deleted-late',
  fault: 'Complete never reaches Glacier, and the vault is deleted and later made anew',
  outcome: 'it says why it waits; the new vault has no archive by its inventory; then once more',
  async run(scene) {
    const held = holdFrom(scene, (operation) => operation === 'Complete')
    scene.forgive()
    const id = await scene.submit(await scene.makeSource(2 * MIB))
    await held.reached()
    await deleteVault(scene)
    held.release()
    await scene.untilJob(id, isFinalizing, 'it says why it waits')
    await scene.world.createVault(scene.vault)
    await scene.untilJob(id, ({ state }) => state === 'reconciling', 'it is not known')
    // Inventories are dated in whole seconds: one of the doubt's own second proves nothing yet.
    await sleep(1500)
    await scene.glacier.archiveOfOthers(scene.vault)
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 2)
  },
}

/** Some calls are refused until somebody mends what is wrong outside of Firn. */
function waits(input: {
  readonly id: string
  readonly fault: string
  readonly answers: readonly (readonly [status: number, code: string, message: string])[]
  readonly operation: string
  readonly reason: RegExp
}): Scenario {
  const { id, fault, reason } = input
  return {
    ...{ id, fault },
    outcome: 'the job waits and says why; no try is counted; it goes on by itself',
    async run(scene) {
      const answers = input.answers.map((one) => glacierError(...one))
      let isRefused = true
      scene.rule(async ({ operation, number }) => {
        const answer = answers[number % answers.length]
        const isMeant = isRefused && operation === input.operation && answer !== undefined
        return isMeant ? { type: 'answer', answer } : pass
      })
      const jobId = await scene.submit(await scene.makeSource(2 * MIB))
      const isExplained = ({ error }: Job): boolean => error?.code === 'GLACIER_CREDENTIALS'
      const waiting = await scene.untilJob(jobId, isExplained, 'it says why it waits')
      assert.match(waiting.error?.message ?? '', reason)
      isRefused = false
      await settleArchived(scene)
    },
  }
}

const inventoryRefused: Scenario = {
  id: 'inventory-refused',
  fault: 'the outcome of Complete is in doubt, and Glacier refuses to retrieve the inventory',
  outcome: 'reconciling, with the reason, until it is granted; the archive is found; nothing again',
  async run(scene) {
    const refusals = [
      glacierError(400, 'LimitExceededException', 'Provisioned capacity exceeded'),
      glacierError(
        400,
        'PolicyEnforcedException',
        'Would exceed the current data retrieval policy',
      ),
    ]
    scene.rule(async ({ operation, number, uploadId }) => {
      const refusal = refusals[number - 1]
      if (operation === 'InitiateJob' && refusal) return { type: 'answer', answer: refusal }
      if (operation !== 'Complete') return pass
      if (number === 1) return { type: 'commit-then-reset' }
      const message = `The upload ID was not found: ${uploadId}`
      return { type: 'answer', answer: glacierError(404, 'ResourceNotFoundException', message) }
    })
    const id = await scene.submit(await scene.makeSource(2 * MIB))
    const isTold = ({ state, error }: Job): boolean =>
      state === 'reconciling' && /LimitExceeded|PolicyEnforced/.test(error?.message ?? '')
    await scene.untilJob(id, isTold, 'it says why it waits')
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 1, 'it was uploaded again')
    assert.ok(countOf(scene, 'InitiateJob') > refusals.length)
  },
}

const retryExpired: Scenario = {
  id: 'retry-expired',
  fault: 'a job fails and is retried after more than a day, when Glacier has forgotten its upload',
  outcome: 'a new upload, since no Complete was ever meant for the old one; one archive',
  async run(scene) {
    let isPoisoned = true
    const answer = glacierError(500, 'InternalServerError', 'poison')
    scene.rule(async ({ operation, range }) =>
      isPoisoned && operation === 'UploadPart' && range?.first === MIB
        ? { type: 'answer', answer }
        : pass,
    )
    const id = await scene.submit(await scene.makeSource(3 * MIB))
    await scene.untilJob(id, ({ state }) => state === 'failed', 'it is given up')
    isPoisoned = false
    scene.forgive()
    await scene.world.advanceClock(25 * 3600 * 1000)
    scene.fault('the vault is 25 hours on')
    assert.equal(await scene.user.command(id, 'retry'), 202)
    await settleArchived(scene)
    assert.equal(countOf(scene, 'Initiate'), 2)
  },
}

const tooLate =
  'Signature expired: 20261126T104500Z is now earlier than 20261126T110000Z (20261126T110500Z - 5 min.)'

export const refusalGroup: ScenarioGroup = {
  name: 'a Glacier that refuses',
  world: { env: { RETRY_ATTEMPTS: '7', RETRY_OUTAGE_RUNS: '7', RETRY_CAP_MS: '800' } },
  scenarios: [
    ...[vaultDeleted, vaultDenied, vaultDeniedLate, vaultDeletedLate, inventoryRefused],
    waits({
      id: 'access-denied',
      fault:
        'access is denied, or the signature refused, in the middle of an upload, until it is put right',
      answers: [
        [403, 'AccessDeniedException', 'User is not authorized to perform: glacier'],
        [403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match'],
      ],
      operation: 'UploadPart',
      reason: /do not allow it|renew or correct the AWS credentials/,
    }),
    waits({
      id: 'clock-skew',
      fault: 'Complete is refused because the clock of the finalizer is wrong, until it is set',
      answers: [
        [403, 'InvalidSignatureException', tooLate],
        [400, 'RequestExpired', 'Request has expired'],
      ],
      operation: 'Complete',
      reason: /clock/,
    }),
    retryExpired,
  ],
}
