/** Every state of a node, one row each: the metrics, the JSON schema, the API guide, and the help read this table. */

export type NodeStateRow = {
  /** How the commands print it. */
  readonly title: string
  /** What it means: one sentence without a full stop. */
  readonly meaning: string
  /** What a network boot of the node leads to. */
  readonly networkBoot: string
  readonly color?: 'green' | 'yellow' | 'red'
}

const rows = {
  install: {
    title: 'armed',
    meaning: 'the next network boot installs the node',
    networkBoot: 'the installation',
  },
  installing: {
    title: 'installing',
    meaning: 'an installation started and its end was not reported',
    networkBoot: 'the installation until its files are sent, then its disk',
    color: 'yellow',
  },
  installed: {
    title: 'installed',
    meaning: 'the disk is written',
    networkBoot: 'its disk',
    color: 'green',
  },
  local: {
    title: 'local',
    meaning: 'the node must not be installed',
    networkBoot: 'its disk',
  },
  menu: {
    title: 'menu',
    meaning: 'the administrator selects at the console',
    networkBoot: 'the boot menu',
  },
  failed: {
    title: 'failed',
    meaning: 'the installation failed and is not repeated without an administrator',
    networkBoot: 'a message with the reason',
    color: 'red',
  },
} as const satisfies Readonly<Record<string, NodeStateRow>>

/** State of a node. */
export type Mode = keyof typeof rows

export const nodeStates: Readonly<Record<Mode, NodeStateRow>> = rows

/** In the order in which the metrics and the commands list them. */
export const modes = Object.keys(rows) as readonly Mode[]

/** Renders the table of the API guide. */
export function nodeStateTable(): string {
  const cells = Object.entries(nodeStates).map(([mode, row]) => [
    `\`${mode}\``,
    row.title,
    row.meaning,
    row.networkBoot,
  ])
  const lines = [
    ['`mode`', 'printed as', 'meaning', 'a network boot leads to'],
    ['-', '-', '-', '-'],
    ...cells,
  ]
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}
