// Native tests of 64-bit ARM run in an emulator.

/**
 * The command that runs a program there. The emulator keeps notes of each page that was ever reserved: 10 GB of them, unless
 * addresses are few enough to be used again.
 */
export const emulator = ['qemu-aarch64-static', '-R', '16G', '-L', '/usr/aarch64-linux-gnu'];

/** What to leave out: /proc tells of the emulator's memory there, not of the program's. */
export const notThere = '--source-file-exclude=*model_stream_test*,*peak_memory_test*';
