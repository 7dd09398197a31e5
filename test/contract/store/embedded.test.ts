import { openTemporaryStore } from '../../integration/store/helpers.ts';
import { storeContract } from './contract.ts';

storeContract('embedded engine', openTemporaryStore);
