/** The undecided requests of a cluster, as far as somebody has to know of them: the newest, and why each is left. */
import type { Csr } from './object.ts'
import { clientSigner, servingSigner } from './policy.ts'

export type HeldCsr = {
  /** As it came: what is put back with an approval. */
  readonly object: unknown
  readonly csr: Csr
  /** Why it is left; absent until it was judged. */
  reason: string | undefined
}

export type HeldCsrs = {
  get(name: string): HeldCsr | undefined
  /** Keeps the reason of an older version of the same request. */
  keep(object: unknown, csr: Csr): HeldCsr
  drop(name: string): void
  /** Drops what is not in a whole list. */
  retain(names: ReadonlySet<string>): void
  /** Requests for the two signers of kubelets, oldest first. */
  ofKubelets(): readonly HeldCsr[]
  all(): readonly HeldCsr[]
}

/** Requests of other signers are only shown, and must not take the place of kubelets'. */
const mostOthers = 100

/** @param mostOfKubelets when there are more, the oldest are let go: they stay pending all the same */
export function holdCsrs(mostOfKubelets: () => number): HeldCsrs {
  const kubelets = new Map<string, HeldCsr>()
  const others = new Map<string, HeldCsr>()
  const placeOf = ({ signerName }: Csr) =>
    signerName === clientSigner || signerName === servingSigner ? kubelets : others
  const get = (name: string) => kubelets.get(name) ?? others.get(name)

  return {
    get,
    keep(object, csr) {
      const held = { object, csr, reason: get(csr.name)?.reason }
      const place = placeOf(csr)
      place.set(csr.name, held)
      const most = place === kubelets ? mostOfKubelets() : mostOthers
      for (const name of place.keys()) {
        if (place.size <= most) break
        place.delete(name)
      }
      return held
    },
    drop(name) {
      kubelets.delete(name)
      others.delete(name)
    },
    retain(names) {
      for (const place of [kubelets, others]) {
        for (const name of place.keys()) if (!names.has(name)) place.delete(name)
      }
    },
    ofKubelets: () => [...kubelets.values()],
    all: () => [...kubelets.values(), ...others.values()],
  }
}
