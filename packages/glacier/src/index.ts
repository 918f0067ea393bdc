export type {
  Glacier,
  OpenUpload,
  StoredPart,
  UploadPartInput,
  UploadRef,
  VaultDescription,
  Vaults,
} from './glacier.ts'
