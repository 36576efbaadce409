/** Keeps the certificate of HTTPS for nodes current: other programs may write the files, and a generated one expires. */
import { CannotListen } from '../../host/cannot-listen.ts'
import type { Clock, Timer } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { TlsPlan } from '../../plan/tls.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import type { HttpCode } from './codes.ts'
import type { TlsListener } from './tls-listener.ts'
import type { TlsMaterial } from './tls-certificate.ts'

export type Tls = {
  material(): TlsMaterial
  /** Gives a listener each new certificate. */
  attach(listener: TlsListener): void
  /** Reads the certificate again. Never rejects. */
  apply(): Promise<void>
  problems(): readonly ActiveProblem[]
  close(): void
}

const checkMs = 3_600_000

export type TlsOptions = {
  readonly plan: TlsPlan
  readonly directory: string | undefined
  readonly clock: Clock
  readonly log: Log
}

/** @throws {CannotListen} if there is no usable certificate */
export async function createTls({ plan, directory, clock, log }: TlsOptions): Promise<Tls> {
  // Its packages take time to load, which a site without HTTPS does not need.
  const { loadTls } = await import('./tls-certificate.ts')
  const load = () => loadTls(plan, directory, clock.now())
  const listeners: TlsListener[] = []
  let problem: string | undefined
  let timer: Timer
  let material: TlsMaterial
  try {
    material = await load()
  } catch (error) {
    throw new CannotListen(`cannot serve HTTPS: ${(error as Error).message}`, { cause: error })
  }

  async function apply(): Promise<void> {
    try {
      const next = await load()
      problem = undefined
      if (next.chain === material.chain && next.authority === material.authority) return
      material = next
      for (const listener of listeners) listener.setMaterial(next)
      log.info({ fingerprint: next.fingerprint, expiresAt: next.expiresAt }, 'HTTPS certificate replaced')
    } catch (error) {
      problem = `the certificate of HTTPS cannot be replaced: ${(error as Error).message}`
      const code: HttpCode = 'http.certificate'
      log.error({ code, reason: problem }, 'HTTPS certificate not replaced')
    }
  }

  function check(): void {
    timer = clock.after(checkMs, () => {
      void apply()
      check()
    })
  }
  check()

  return {
    material: () => material,
    attach: (listener) => void listeners.push(listener),
    apply,
    problems() {
      const text = material.expiresAt < clock.now() ? 'the certificate of HTTPS has expired' : problem
      return text === undefined ? [] : [{ code: 'http.certificate' satisfies HttpCode, text }]
    },
    close: () => timer.cancel(),
  }
}
