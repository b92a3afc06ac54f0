
return unfit() or {'rows'}
