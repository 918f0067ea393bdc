import type { S3Request } from './s3-request.ts'

/** What is done to requests instead of an answer. `isDone` says whether they are carried out. */
export type S3FaultAction =
  | { readonly type: 'error'; readonly status: number; readonly code: string; isDone?: boolean }
  /** A page in HTML, as a proxy or load balancer makes it. */
  | { readonly type: 'page'; readonly status: number }
  | { readonly type: 'reset'; readonly isDone: boolean }
  /** Says nothing until the client gives up. */
  | { readonly type: 'hang'; readonly isDone: boolean }
  /** Breaks the connection half-way through the answer's body. */
  | { readonly type: 'cut' }
  /** Breaks the connection at once; the request is carried out when `until` resolves. */
  | { readonly type: 'late'; readonly until: Promise<void> }

export interface S3Fault {
  readonly operation: S3Request['operation']
  /** Of the keys it strikes; every one without it. */
  readonly key?: RegExp
  /** How many requests it strikes; 1 unless told otherwise. */
  readonly count?: number
  readonly action: S3FaultAction
}

export interface S3Faults {
  readonly add: (fault: S3Fault) => void
  /** What is to be done to this request; counts it. */
  readonly take: (request: S3Request) => S3FaultAction | undefined
  readonly clear: () => void
}

export function createS3Faults(): S3Faults {
  let faults: { readonly fault: S3Fault; left: number }[] = []
  return {
    add(fault) {
      faults.push({ fault, left: fault.count ?? 1 })
    },
    take({ operation, key }) {
      const found = faults.find(
        ({ fault, left }) =>
          left > 0 && fault.operation === operation && (fault.key?.test(key) ?? true),
      )
      if (found !== undefined) found.left -= 1
      return found?.fault.action
    },
    clear() {
      faults = []
    },
  }
}
