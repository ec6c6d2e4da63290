/**
 * Goal: all of SQLite's select5 is answered as the engines agreed. Method: see select.ts.
 */
import { testSelect } from './select.ts';

testSelect('select5.test', 1_372);
