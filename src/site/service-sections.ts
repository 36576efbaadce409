/** The sections `tftp`, `haproxy`, and `keepalived` of the site file. */
import { z } from 'zod'
import { command, interfaceName, path, port, wholeNumber } from './scalars.ts'

export const tftpSection = z
  .strictObject({
    root: path
      .optional()
      .meta({ description: 'directory with your own files, served in addition to the boot loaders' }),
    ports: z
      .strictObject({
        from: port.meta({ description: 'first port of the range' }),
        to: port.meta({ description: 'last port of the range' }),
      })
      .optional()
      .meta({
        description: 'ports that transfers are sent from, for a firewall; by default any free port',
      }),
    singlePort: z.boolean().default(false).meta({
      description: 'true: transfers are sent from the request port, for nodes behind NAT and for containers',
    }),
    loaders: z
      .strictObject({
        bios: path.optional().meta({ description: 'for BIOS machines' }),
        x64: path
          .optional()
          .meta({ description: 'for every x86_64 UEFI machine; overrides loader of its node' }),
        arm64: path
          .optional()
          .meta({ description: 'for every aarch64 UEFI machine; overrides loader of its node' }),
      })
      .prefault({})
      .meta({ description: 'boot loader files; by default those of the ipxe package' }),
  })
  .meta({ description: 'TFTP: the boot loaders for PXE firmware' })

export const haproxySection = z
  .strictObject({
    file: path.meta({
      description: 'file that slipway writes the configuration to',
      examples: ['/etc/haproxy/haproxy.cfg'],
    }),
    with: z
      .array(path)
      .default([])
      .meta({
        description:
          'all files and directories that HAProxy is started with (-f), in order, if file is only one of them',
        examples: [['/etc/haproxy/haproxy.cfg', '/etc/haproxy/conf.d']],
      }),
    reload: command.optional().meta({ description: 'command that reloads HAProxy after the file changed' }),
    masterSocket: path.optional().meta({
      description: "socket of HAProxy's master process (-S), used for reloads instead of a command",
      examples: ['/run/haproxy-master.sock'],
    }),
    socket: path.default('/run/haproxy/admin.sock').meta({
      description: "HAProxy's stats socket, used to read server states and to drain servers without a reload",
    }),
  })
  .meta({ description: 'HAProxy on this machine; omit the section if there is another load balancer' })

export const keepalivedSection = z
  .strictObject({
    interface: interfaceName
      .optional()
      .meta({ description: 'interface of the shared addresses; by default server.interface' }),
    routerId: wholeNumber(1, 255, '')
      .default(51)
      .meta({ description: 'VRRP virtual router ID, unique on this network' }),
    healthPort: port
      .default(9444)
      .meta({ description: "port on 127.0.0.1 for the check of HAProxy's health" }),
  })
  .meta({
    description: 'keepalived: shares the addresses of the load balancer with server.peers by VRRP',
  })
