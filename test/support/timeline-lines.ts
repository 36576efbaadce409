/** Formats timelines with one line for each boot, for expected values in tests. */
import type { Step } from '../../src/install/step.ts'
import { timelineOf } from '../../src/install/timeline.ts'
import type { ObservedNode } from './observed-node.ts'

export const stepText = ({ kind, outcome, count }: Step) =>
  `${kind}${outcome === 'done' ? '' : ` ${outcome}`}${count === 1 ? '' : ` ×${count}`}`

/** `network: loader, ipxe-dhcp offered ×2` for each boot. */
export function bootLines(life: ObservedNode): string[] {
  return timelineOf(life.observations).boots.map(
    ({ kind, steps }) => `${kind}: ${steps.map(stepText).join(', ')}`,
  )
}

export const pxe = 'firmware-dhcp, loader, ipxe-dhcp'
export const installer = 'install-script, kernel, initramfs, live-dhcp ×2, rootfs, ignition'
