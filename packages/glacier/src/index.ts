export type { Glacier, OpenUpload, StoredPart, UploadPartInput, UploadRef } from './glacier.ts'
