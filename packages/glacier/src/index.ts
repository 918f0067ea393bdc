export type { GlacierOperation, OnRequest, RequestReport } from './call-glacier.ts'
export { createGlacier, type GlacierOptions } from './create-glacier.ts'
export type {
  Glacier,
  GlacierPlace,
  Inventories,
  Inventory,
  InventoryArchive,
  OpenUpload,
  StoredPart,
  UploadPartInput,
  UploadRef,
  VaultDescription,
  Vaults,
} from './glacier.ts'
