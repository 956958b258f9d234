// A user's CommonJS program.
import('blkscope').then(({ parseSize }) => {
  if (parseSize('1G') !== 2 ** 30) throw new Error('wrong size');
});
