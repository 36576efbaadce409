/** The section `inventory` of the site file: the boot of undeclared machines into a system that reports their hardware. */
import { z } from 'zod'
import { ipv4, kernelArgument, oneOrMore, path, seconds } from './scalars.ts'

/** Leases are short, because an address is free for the next machine when its lease ends. */
const defaultLeaseSeconds = 600

export const inventorySection = z
  .strictObject({
    addresses: z
      .strictObject({
        from: ipv4.meta({ description: 'first address', examples: ['172.16.0.240'] }),
        to: ipv4.meta({ description: 'last address', examples: ['172.16.0.249'] }),
      })
      .meta({
        description:
          'addresses for undeclared machines that boot from the network, in one of the subnets, and used by no other machine',
      }),
    kernel: path.meta({
      description: 'kernel of the inventory system, for x86_64 (docs/inventory.md)',
      examples: ['/var/lib/slipway/inventory/vmlinuz'],
    }),
    initrd: path.meta({
      description: 'initramfs of the inventory system, which reports the hardware to slipway',
      examples: ['/var/lib/slipway/inventory/initrd.img'],
    }),
    kernelArguments: oneOrMore(kernelArgument)
      .default([])
      .meta({ description: 'more kernel arguments, for example console=ttyS0' }),
    leaseSeconds: seconds(120, 3600)
      .default(defaultLeaseSeconds)
      .meta({ description: 'lease time of these addresses' }),
  })
  .meta({
    description:
      'inventory boot of undeclared machines, which reports their hardware for node adopt; without this section, undeclared machines get no answer',
  })
