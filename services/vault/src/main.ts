import { createMetrics, runService } from '@firn/runtime'
import { readVaultConfig } from './config.ts'
import { openVaultServer } from './vault-server.ts'

await runService({ name: 'vault', env: process.env }, async ({ log, signal }) => {
  const config = readVaultConfig(process.env)
  const server = await openVaultServer({ config, registry: createMetrics(), log, stopping: signal })
  const { address, port, controlPort } = server
  log.info({ address, port, controlPort, region: config.region }, 'listening')
  return server
})
