/** The simulated boot of an undeclared machine: its timeline, and what slipway answers to such a machine. Pure. */
import { formatUndeclared, roundedEvents, type OutputStyle } from '../../simulate/timeline.ts'
import type { UndeclaredAnswer, UndeclaredBoot } from '../../simulate/undeclared.ts'
import { wrap } from '../../text/lines.ts'

export function undeclaredLines(
  boot: UndeclaredBoot,
  answer: UndeclaredAnswer,
  output: OutputStyle,
): string[] {
  return [...formatUndeclared(boot, output), '', ...wrap(sentence(boot, answer), output.columns)]
}

function sentence({ mac, isBooted }: UndeclaredBoot, answer: UndeclaredAnswer): string {
  if (!isBooted) return `${mac} does not get what the site file declares: see the failed step.`
  if (answer.kind === 'inventory') {
    return `${mac} boots the inventory system, which reports its hardware for "slipway node adopt". Nothing was reserved or recorded.`
  }
  return [`${mac} gets no answer: ${answer.reason} (${answer.code}).`, ...answer.hints].join(' ')
}

export function undeclaredJson({ events, durationMs, ...boot }: UndeclaredBoot, answer: UndeclaredAnswer) {
  const { kind, ...reasons } = answer
  return {
    ...boot,
    answer: kind,
    ...reasons,
    durationMs: Math.round(durationMs),
    steps: roundedEvents(events),
  }
}
