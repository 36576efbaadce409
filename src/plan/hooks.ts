/** The hooks of a site: which events each gets, and how. Pure. */
import type { HookEventName } from '../site/hooks-section.ts'
import type { Hook, Site } from '../site/schema.ts'

export type { HookEventName } from '../site/hooks-section.ts'

export type HookPlan = {
  readonly name: string
  readonly events: readonly HookEventName[]
  readonly timeoutMs: number
  readonly target: HookTarget
}

export type HookTarget =
  | {
      readonly kind: 'webhook'
      /** Can contain a secret: neither logged nor printed. */
      readonly url: string
      readonly secretFile: string
      readonly ca?: string | undefined
    }
  /** The arguments can contain secrets. */
  | { readonly kind: 'command'; readonly program: string; readonly args: readonly string[] }

export function compileHooks({ hooks }: Pick<Site, 'hooks'>): readonly HookPlan[] {
  return Object.entries(hooks).map(([name, hook]) => ({
    name,
    events: hook.events,
    timeoutMs: hook.timeoutSeconds * 1000,
    target: targetOf(hook),
  }))
}

/** The schema guarantees that a hook without a command has a webhook. */
function targetOf({ webhook, command }: Hook): HookTarget {
  if (command === undefined) return { kind: 'webhook', ...(webhook as NonNullable<Hook['webhook']>) }
  const [program = '', ...args] = command
  return { kind: 'command', program, args }
}

/** What may be printed of a target: the host of a URL, or the program. */
export function targetText(target: HookTarget): string {
  return target.kind === 'webhook' ? new URL(target.url).origin : target.program
}
