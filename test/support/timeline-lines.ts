/** Timelines in a line for each boot, so that tests can say what they expect. */
import type { Step } from '../../src/install/step.ts'
import { timelineOf } from '../../src/install/timeline.ts'
import type { NodeLife } from './node-life.ts'

export const told = ({ kind, outcome, count }: Step) =>
  `${kind}${outcome === 'done' ? '' : ` ${outcome}`}${count === 1 ? '' : ` ×${count}`}`

/** `network: loader, ipxe-dhcp offered ×2` for each boot. */
export function tell(life: NodeLife): string[] {
  return timelineOf(life.observations).boots.map(
    ({ kind, steps }) => `${kind}: ${steps.map(told).join(', ')}`,
  )
}

export const pxe = 'firmware-dhcp, loader, ipxe-dhcp'
export const installer = 'install-script, kernel, initramfs, live-dhcp ×2, rootfs, ignition'
