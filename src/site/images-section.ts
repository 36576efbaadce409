/** The images of a site: the files of an operating system that nodes boot, and which system they install. */
import { z } from 'zod'
import { otherSystems } from './other-systems.ts'
import { fileName, path } from './scalars.ts'

export const architectures = ['x86_64', 'aarch64', 'ppc64le', 's390x'] as const

const systems = ['rhcos', ...otherSystems] as const

export const imageSection = z
  .strictObject({
    dir: path.meta({
      description:
        'directory with the kernel, the initramfs, and the rootfs or metal image, or with agent.* files',
    }),
    os: z.enum(systems).optional().meta({
      description:
        'operating system: rhcos (the default) for OpenShift, fcos, flatcar, debian, rhel (and its derivatives), ubuntu, talos, or custom; all except rhcos are for groups, and fcos also for clusters',
    }),
    architecture: z.enum(architectures).default('x86_64').meta({
      description:
        'architecture of the machines that boot this image; for ppc64le and s390x see docs/power-and-z.md',
    }),
    kernel: fileName
      .optional()
      .meta({ description: 'kernel; by default found by name (*live-kernel*, *installer-kernel*)' }),
    initramfs: fileName
      .optional()
      .meta({ description: 'initramfs; by default found by name (*live-initramfs*, *installer-initramfs*)' }),
    rootfs: fileName
      .optional()
      .meta({ description: 'rootfs of 4.6 and later; by default found by name (*live-rootfs*)' }),
    metal: fileName.optional().meta({
      description: 'metal image of OpenShift 4.5; by default found by name (*metal*.raw.gz)',
    }),
    iso: fileName.optional().meta({
      description:
        'live server ISO that the installer of Ubuntu downloads; by default found by name (*live-server*.iso)',
    }),
  })
  .meta({ description: 'release of an operating system for network boot' })
