/** What a check reads and returns: one result, or one for each thing that it found. */
import type { Model } from '../plan/model.ts'
import type { Plan } from '../plan/compile.ts'
import type { Registries } from './install-config.ts'
import { preflightCodes, type PreflightCode } from './codes.ts'
import type { Probes } from './probes.ts'

export type CheckResult = {
  /** `ports`, `firewall`, …: the name of the check. */
  readonly check: string
  readonly status: 'ok' | 'warning' | 'failure'
  /** One sentence without a full stop. */
  readonly text: string
  /** Absent for `ok`. */
  readonly code?: string
  /** What to do: one sentence without a full stop; absent for `ok`. */
  readonly remedy?: string
}

export type CheckContext = {
  readonly model: Model
  readonly plan: Plan
  readonly probes: Probes
  /** The state directory. */
  readonly state: string
  /** Whether slipway runs on this machine and has the sockets. */
  readonly isServing: boolean
  /** Host names of the registries that nodes pull from. */
  readonly registries: readonly string[]
  /** What install-config.yaml declares about registries; absent without the option. */
  readonly mirrors?: Registries
  /** Milliseconds since 1970. */
  readonly now: number
}

export type Check = {
  readonly name: string
  /** Never takes longer than its probes; a rejection becomes a warning. */
  readonly run: (context: CheckContext) => Promise<readonly Finding[]> | readonly Finding[]
}

/** A result without the name of its check. */
export type Finding = Omit<CheckResult, 'check'>

export function ok(text: string): Finding {
  return { status: 'ok', text }
}

/** @param remedy instead of the remedy of the code, where the command is known */
export function warning(
  code: PreflightCode,
  text: string,
  remedy: string = preflightCodes[code].remedy,
): Finding {
  return { status: 'warning', text, code, remedy }
}

/** @param remedy instead of the remedy of the code, where the command is known */
export function failure(
  code: PreflightCode,
  text: string,
  remedy: string = preflightCodes[code].remedy,
): Finding {
  return { status: 'failure', text, code, remedy }
}

/** Runs all checks at the same time. Never rejects. */
export async function runChecks(checks: readonly Check[], context: CheckContext): Promise<CheckResult[]> {
  const results = await Promise.all(
    checks.map(async ({ name: check, run }) => {
      const findings = await Promise.resolve()
        .then(() => run(context))
        .catch((error: unknown) => [warning('preflight.not-checked', (error as Error).message)])
      return findings.map((finding): CheckResult => ({ check, ...finding }))
    }),
  )
  return results.flat()
}
