/** What happens while images are fetched, verified or packed, as it happens: for whoever shows it to a person. */

export type Notice =
  /** How much there is to do; again when more of it becomes known. `undefined` while a part is not. */
  | { readonly kind: 'total'; readonly octets: number | undefined }
  | { readonly kind: 'begun'; readonly file: string; /** What was there already. */ readonly octets: number }
  /** How far a file is; less than before when it begins anew. */
  | { readonly kind: 'reached'; readonly file: string; readonly octets: number }
  | { readonly kind: 'done'; readonly file: string; readonly octets: number }
  /** Something went wrong and goes on: `reason` is a sentence. */
  | { readonly kind: 'setback'; readonly file: string; readonly reason: string }

/** Called synchronously, often; must be cheap and never throw. */
export type Watch = (notice: Notice) => void
