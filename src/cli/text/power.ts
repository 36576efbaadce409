/** What a BMC reports about the power of a node, as lines. Pure. */
import type { PowerReport } from '../../bmc/power.ts'
import { alignColumns, printable } from '../../text/lines.ts'

const states: Readonly<Record<PowerReport['power'], string>> = {
  on: 'on',
  off: 'off',
  'turning-on': 'turning on',
  'turning-off': 'turning off',
  unknown: 'not known',
}

/** Returns one line: `ocp45/w1: power on, OSRunning; …`. */
export function powerText({ node, power, progress, remarks = [] }: PowerReport): string {
  const firmware = progress === undefined ? '' : `, ${progress}`
  return printable([`${node}: power ${states[power]}${firmware}`, ...remarks].join('; '))
}

/** A live system keeps its rootfs of about 1 GiB in memory, and fails without a message if the memory is too small. */
const minGiB = 2

function memoryText(memoryGiB: number): string {
  const text = `${memoryGiB} GiB`
  return memoryGiB < minGiB ? `${text}; warning: a live system needs at least ${minGiB} GiB` : text
}

/** Returns the line of the power, and the facts below it. */
export function powerLines(report: PowerReport): string[] {
  const {
    manufacturer,
    model,
    serial,
    sku,
    uuid,
    bootOverride,
    health,
    memoryGiB,
    bmc,
    protocol,
    isManaged,
  } = report
  const device = bootOverride && `${bootOverride.target}${bootOverride.isOnce ? ', once' : ''}`
  const machine = [manufacturer, model].filter((each) => each !== undefined).join(' ')
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['BMC', `${bmc} (${protocol})${isManaged ? ', power: managed' : ''}`],
    ['machine', machine === '' ? undefined : machine],
    ['serial', serial],
    ['SKU', sku],
    ['UUID', uuid],
    ['health', health],
    ['memory', memoryGiB === undefined ? undefined : memoryText(memoryGiB)],
    ['next boot', device],
  ]
  const facts = rows.flatMap(([label, value]) => (value === undefined ? [] : [[label, printable(value)]]))
  return [powerText(report), ...alignColumns(facts).map((line) => `    ${line}`)]
}
