/** Whose rights on files count. */
export interface NativeIdentity {
  uid: number;
  gid: number;
  /** Supplementary groups. */
  groups: readonly number[];
}

/** Acting on files as somebody else, and the steps on folders that Node has no call for. */
export interface NativeFileRights {
  /**
   * Runs `action`, which must not wait for anything, with the rights that `identity` has on files. Throws EPERM where
   * the process may not.
   */
  actAs<T>(identity: NativeIdentity, action: () => T): T;
  /** Renames an entry of one open folder into another, where that name must be free. Throws EEXIST. */
  renameNew(fromFolder: number, from: string, toFolder: number, to: string): void;
  /** Locks an open file or folder for as long as it is open; false: another holds it. */
  lockOpenFile(descriptor: number): boolean;
  /** For the name of a file: 16 hexadecimal digits that nobody can foresee. Node's own way takes longer to load than most commands. */
  unforeseenDigits(): string;
}
