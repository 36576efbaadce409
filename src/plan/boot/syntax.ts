/** The syntaxes of boot scripts. */

/** Each is also the extension of the names of its scripts. `firmware` reads a configuration of PXELINUX itself. */
export const bootSyntaxes = ['ipxe', 'grub', 'pxelinux', 'uboot', 'firmware'] as const
export type BootSyntax = (typeof bootSyntaxes)[number]

/** Of loaders that request a configuration by a name of their own. */
export type ConfigurationSyntax = Exclude<BootSyntax, 'ipxe'>
