/** A key pair and the account that it acts for. */
export interface Credential {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** 12 digits. */
  readonly accountId: string
}
