/** The arguments of `slipway log` and `slipway node log`: one node, and how many of its latest lines. */
import { parseArgs } from 'node:util'
import { UsageError } from './command.ts'
import { controlOptions, controlPath } from './target.ts'

type LogRequest = {
  readonly name: string
  readonly lines: number
  readonly isFollowed: boolean
  readonly isJson: boolean
  readonly control: string
}

/**
 * @param limits of `--lines`
 * @throws {UsageError}
 */
export function parseLogArguments(
  args: readonly string[],
  limits: { readonly usual: number; readonly most: number },
): LogRequest {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...controlOptions,
      lines: { type: 'string', default: String(limits.usual) },
      follow: { type: 'boolean', default: false },
    },
  })
  const [name, ...more] = positionals
  if (name === undefined || more.length > 0) throw new UsageError('expected the name of one node')
  const { lines, follow, json, control } = values
  if (!/^[1-9]\d*$/.test(lines) || Number(lines) > limits.most) {
    throw new UsageError(`--lines ${lines}: expected a number from 1 to ${limits.most}`)
  }
  return {
    name,
    lines: Number(lines),
    isFollowed: follow,
    isJson: json,
    control: controlPath(control),
  }
}
