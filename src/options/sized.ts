/** A size: bytes, or text as people write it, such as `15G`, `512MiB` or `800MB`; see `parseSize`. */
export type ByteSize = number | string;

/** The same options, where each that is in bytes may also be written as people do: `'1G'`. */
export type Sized<Options> = Options extends object
  ? {
      [Key in keyof Options]: Key extends 'bytes' | `${string}Bytes`
        ? Options[Key] | ByteSize
        : Key extends 'pressure' | 'pin'
          ? Sized<Options[Key]>
          : Options[Key];
    }
  : Options;
