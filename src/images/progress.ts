/** Progress of downloads, verification, and archives, for the progress bar. */

export type Notice =
  /** The total size; sent again when it is known better. `undefined` while the size of a file is unknown. */
  | { readonly kind: 'total'; readonly octets: number | undefined }
  | {
      readonly kind: 'started'
      readonly file: string
      /** Bytes of an earlier start. */ readonly octets: number
    }
  /** Bytes of the file up to now; fewer than before if the file is downloaded again. */
  | { readonly kind: 'reached'; readonly file: string; readonly octets: number }
  | { readonly kind: 'done'; readonly file: string; readonly octets: number }
  /** An error after which the operation continues; `reason` is a sentence. */
  | { readonly kind: 'retry'; readonly file: string; readonly reason: string }

/** Called synchronously and often: must be fast and never throw. */
export type Watch = (notice: Notice) => void
