"""How the same words are written differently: forms under which two writings meet, language by language."""
